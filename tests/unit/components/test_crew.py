"""Trials in processes: how many there are and which ends first changes no score."""

import os
from functools import partial

import hands
import pytest

from components.tune import hyperband, stage
from components.tune.crew import Crew, LostError
from components.tune.scores import Scores, Training
from ibid.stage.contract import BadInputError, TemporaryError

PLAN = hyperband.schedule(4, 2, 2)


def search(tmp_path, size, how="", seed=0):
    with Crew(partial(hands.prepare, tmp_path, how, seed), size) as crew:
        return stage.search(PLAN, crew, Scores(tmp_path / "scores", "mine"), tmp_path)


def begun(tmp_path):
    return [line.split() for line in (tmp_path / "log").read_text().splitlines()]


def test_any_number_at_once_and_any_order_of_ends_give_the_same_table(tmp_path):
    tables = []
    for size in (1, 2, 3, 3):
        folder = tmp_path / str(len(tables))
        folder.mkdir()
        tables.append(search(folder, size, seed=len(tables)))
        assert len({pid for _, _, pid in begun(folder)}) == size
    assert all(table == tables[0] for table in tables)
    assert [result.trial for result, _ in tables[0]][:4] == [0, 1, 2, 3]


def test_a_trial_whose_process_is_killed_is_tried_again(tmp_path, capsys):
    table = search(tmp_path, 2, "killed once")
    asked = [tuple(line[:2]) for line in begun(tmp_path)]
    assert asked.count(("2", "1")) == 2
    assert "Trial[2] epochs=1: its process was ended by signal 9; trying again" in (
        capsys.readouterr().out
    )
    (tmp_path / "again").mkdir()
    assert table == search(tmp_path / "again", 1)


def test_one_that_is_killed_each_time_fails_clearly_and_leaves_no_process(tmp_path):
    with pytest.raises(TemporaryError, match=r"Expected an answer to Trial\[2\]") as failed:
        search(tmp_path, 2, "killed always")
    assert failed.value.received == "its process was ended by signal 9, 3 times"
    for _, _, pid in begun(tmp_path):
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_what_a_trial_refuses_is_told_as_it_was_said(tmp_path):
    with pytest.raises(BadInputError, match="better trial") as refused:
        search(tmp_path, 2, "refused")
    assert (refused.value.received, refused.value.hint) == (2, "try another")


def test_what_is_raised_before_the_first_trial_keeps_its_kind(tmp_path):
    with pytest.raises(BadInputError, match="better start") as refused:
        search(tmp_path, 2, "refused at first")
    assert (refused.value.received, refused.value.hint) == (1, "try another")
    with pytest.raises(TemporaryError, match="memory enough"):
        search(tmp_path, 2, "no memory at first")


def test_a_bug_is_not_tried_again_and_its_trace_is_in_the_log(tmp_path, capfd):
    with pytest.raises(LostError, match=r"Trial\[2\]"):
        search(tmp_path, 2, "bug")
    assert "ZeroDivisionError: trial 2" in capfd.readouterr().err
    assert [line[0] for line in begun(tmp_path)].count("2") == 1


def test_a_search_that_was_ended_trains_no_trial_again(tmp_path):
    with pytest.raises(LostError):
        search(tmp_path, 1, "bug")
    assert [line[0] for line in begun(tmp_path)] == ["0", "1", "2"]
    (tmp_path / "log").unlink()
    table = search(tmp_path, 1)
    assert Training(0, 1) in Scores(tmp_path / "scores", "mine")
    assert [line[0] for line in begun(tmp_path)][:2] == ["2", "3"]
    (tmp_path / "again").mkdir()
    assert table == search(tmp_path / "again", 1)


def test_scores_of_another_search_are_not_taken(tmp_path, capsys):
    search(tmp_path, 1)
    assert Training(0, 1) not in Scores(tmp_path / "scores", "another")
    assert "scores is of other data" in capsys.readouterr().err
