"""A file of a stage's state is whole and its owner's, or it is not used."""

import pytest

from ibid.stage import state
from ibid.stage.contract import TemporaryError

MINE = state.owner(seed=1, data="abc")


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "new" / "checkpoint"
    state.write(path, MINE, b"before")
    return path


def test_what_was_written_is_read_back_and_the_last_counts(kept):
    state.write(kept, MINE, b"line\n\0\xff")
    assert state.read(kept, MINE) == b"line\n\0\xff"
    assert [entry.name for entry in kept.parent.iterdir()] == ["checkpoint"]


def test_there_may_be_none(tmp_path):
    assert state.read(tmp_path / "checkpoint", MINE) is None


def test_an_owner_is_a_function_of_the_facts_and_not_of_their_order():
    assert state.owner(data="abc", seed=1) == MINE
    assert state.owner(data="abc", seed=2) != MINE


@pytest.mark.parametrize("cut", [0, 5, 90, 140, -1])
def test_a_torn_file_is_set_aside_and_the_log_says_so(kept, capsys, cut):
    kept.write_bytes(kept.read_bytes()[:cut])
    torn = kept.read_bytes()
    assert state.read(kept, MINE) is None
    assert not kept.exists()
    assert kept.with_name("checkpoint.aside").read_bytes() == torn
    assert "checkpoint is torn" in capsys.readouterr().err


def test_a_bit_that_flipped_is_noticed(kept):
    content = bytearray(kept.read_bytes())
    content[-1] ^= 1
    kept.write_bytes(content)
    assert state.read(kept, MINE) is None


def test_another_owners_file_is_set_aside_and_the_log_says_so(kept, capsys):
    assert state.read(kept, state.owner(seed=2)) is None
    told = capsys.readouterr().err
    assert told == (
        "checkpoint is of other data, parameters or libraries: set aside as checkpoint.aside, "
        "beginning anew\n"
    )


def test_one_that_was_being_written_when_its_stage_was_killed_does_no_harm(kept):
    kept.with_name("checkpoint.new").write_bytes(b"ibid-state-1 half")
    assert state.read(kept, MINE) == b"before"
    state.write(kept, MINE, b"after")
    assert state.read(kept, MINE) == b"after"


def test_a_disk_that_refuses_is_worth_another_try_and_costs_nothing_kept(kept):
    kept.with_name("checkpoint.new").mkdir()
    with pytest.raises(TemporaryError, match=r"Expected to keep checkpoint"):
        state.write(kept, MINE, b"after")
    assert state.read(kept, MINE) == b"before"
