import dataclasses
import time

import pytest

from ibid.stage.contract import ExitCode, UsageError
from ibid.store.home import Home
from ibid.store.jobs import FAILURE, KILLED, RUNNING, SUCCESS, DatumRow, Jobs, Result

ONE, TWO, THREE = ("a1" * 16, "a2" * 16, "b3" * 16)


@pytest.fixture
def jobs(store):
    return Jobs(store)


def row(name, **fields):
    made = DatumRow(
        id=name, key=f"key-{name}", state=SUCCESS, label=f"/{name}", code=0, error="",
        seconds=0.5, log="0.log", log_start=3, log_end=9,
    )  # fmt: skip
    return dataclasses.replace(made, **fields)


def test_a_job_runs_until_it_is_finished(jobs):
    jobs.start("train", ONE, ["code changed", "ü"], 5, 2)
    (job,) = jobs.history()
    assert (job.pipeline, job.id, job.state, job.finished) == ("train", ONE, RUNNING, None)
    assert (job.total, job.skipped, job.reason) == (5, 2, '["code changed", "\\u00fc"]')
    jobs.finish("train", ONE, FAILURE, ExitCode.BAD_INPUT, "Expected a photo.")
    (job,) = jobs.history()
    assert (job.state, job.code, job.error) == (FAILURE, 3, "Expected a photo.")
    assert job.finished >= job.started


def test_a_job_started_again_begins_anew(jobs):
    jobs.start("train", ONE, ["a"], 5, 2)
    jobs.finish("train", ONE, FAILURE, 1, "x")
    jobs.request_stop("train", ONE)
    jobs.start("train", ONE, ["b"], 4, 1)
    (job,) = jobs.history()
    assert (job.state, job.error, job.total, job.finished) == (RUNNING, "", 4, None)
    assert not jobs.is_stopping("train", ONE)


def test_history_is_newest_first_even_if_the_clock_was_put_back(jobs, monkeypatch):
    for now, job in ((3e9, ONE), (2e9, TWO), (1e9, THREE)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        jobs.start("train" if job != TWO else "tune", job, [], 1, 0)
    assert [job.id for job in jobs.history()] == [THREE, TWO, ONE]
    assert [job.id for job in jobs.history("train")] == [THREE, ONE]
    assert jobs.resolve("train").id == THREE


def test_a_job_can_be_asked_to_stop_and_only_that_one(jobs):
    jobs.start("train", ONE, [], 1, 0)
    jobs.start("tune", ONE, [], 1, 0)
    jobs.request_stop("train", ONE)
    assert jobs.is_stopping("train", ONE)
    assert not jobs.is_stopping("tune", ONE)
    assert not jobs.is_stopping("train", TWO)


def test_a_job_that_has_ended_cannot_be_asked_to_stop(jobs):
    jobs.start("train", ONE, [], 1, 0)
    assert jobs.request_stop("train", ONE)
    jobs.finish("train", ONE, SUCCESS, 0, "")
    assert not jobs.request_stop("train", ONE)


def test_jobs_whose_run_is_gone_are_ended_the_others_stay(jobs):
    jobs.start("train", ONE, [], 1, 0)
    jobs.start("tune", ONE, [], 1, 0)
    jobs.finish("tune", ONE, SUCCESS, 0, "")
    assert jobs.end_abandoned() == 1
    states = {job.pipeline: job.state for job in jobs.history()}
    assert states == {"train": KILLED, "tune": SUCCESS}
    assert jobs.resolve("train").error == "the run that owned it ended"
    assert jobs.end_abandoned() == 0


@pytest.mark.parametrize(
    ("name", "found"),
    [("train", THREE), ("train@a1", ONE), (f"train@{TWO}", TWO), ("train@b", THREE)],
)
def test_a_job_is_found_by_pipeline_id_or_prefix(jobs, name, found):
    for job in (ONE, TWO, THREE):
        jobs.start("train", job, [], 1, 0)
    jobs.start("tune", ONE, [], 1, 0)
    assert jobs.resolve(name).id == found
    assert jobs.resolve(name).pipeline == "train"


@pytest.mark.parametrize(
    ("name", "matches"), [("train@a", 2), ("train@c", 0), ("trian", 0), ("", 0), ("@a1", 0)]
)
def test_a_name_of_no_job_or_of_several_is_refused(jobs, name, matches):
    for job in (ONE, TWO):
        jobs.start("train", job, [], 1, 0)
    with pytest.raises(UsageError, match="PIPELINE@ID") as caught:
        jobs.resolve(name)
    assert f"{name}, which {matches} jobs match" in str(caught.value)
    assert "hint: ibid jobs" in str(caught.value)


def test_results_are_found_by_their_keys(store, jobs):
    made = [Result(f"key{n}", store.trees.write_files({"a": b"%d" % n}).digest, n % 2, 0.25)
            for n in range(600)]  # fmt: skip
    jobs.record("train", ONE, [], made)
    asked = [result.key for result in made] + ["unknown", "key0"]
    found = jobs.results(iter(asked))
    assert found == {result.key: result for result in made}
    assert jobs.results([]) == {}


def test_a_result_told_again_takes_the_place_of_the_old(store, jobs):
    jobs.record("train", ONE, [], [Result("key", store.trees.write_files({}).digest, 0, 1.0)])
    again = Result("key", store.trees.write_files({"a": b""}).digest, 4, 2.0)
    jobs.record("train", TWO, [], [again])
    assert jobs.results(["key"]) == {"key": again}


def test_datums_come_back_as_they_were_recorded(jobs):
    rows = [row("b"), row("a", state=FAILURE, code=3, error="Expected ü.\n  Received: x")]
    jobs.record("train", ONE, rows)
    jobs.record("train", TWO, [row("c")])
    assert jobs.datums("train", ONE) == rows
    assert jobs.datums("train", TWO) == [row("c")]
    assert jobs.datums("tune", ONE) == []


def test_a_datum_that_was_tried_again_stands_once(jobs):
    jobs.record("train", ONE, [row("a", state=FAILURE, code=75)])
    jobs.record("train", ONE, [row("a")])
    assert jobs.datums("train", ONE) == [row("a")]


def test_nothing_of_a_record_is_kept_that_cannot_be_kept_whole(jobs):
    class Unheard:
        """No type of a database."""

    with pytest.raises(Exception, match="not supported"):
        jobs.record("train", ONE, [row("a"), row("b", error=Unheard())], [Result("k", "t", 0, 0.0)])
    assert jobs.datums("train", ONE) == []
    assert jobs.results(["k"]) == {}


def test_two_projects_share_results_and_nothing_else(home, store, jobs):
    """A key names all that a result depends on, so whose it was does not matter."""
    jobs.start("train", ONE, [], 1, 0)
    result = Result("key", store.trees.write_files({}).digest, 0, 1.0)
    jobs.record("train", ONE, [row("a")], [result])
    opened = Home(home.path).open("words")
    other = Jobs(opened)
    assert other.history() == []
    assert other.end_abandoned() == 0
    assert other.datums("train", ONE) == []
    with pytest.raises(UsageError):
        other.resolve("train")
    assert other.results(["key"]) == {"key": result}
    opened.close()
    assert jobs.resolve("train").state == RUNNING
