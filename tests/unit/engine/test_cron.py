"""Crons tick into a repo of their own; a run makes up for what was missed, as Pachyderm does."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from ibid.engine import cron, inputs
from ibid.engine.events import JobStarted
from ibid.engine.plan import State
from ibid.stage.contract import UsageError

NOW = datetime(2024, 1, 1, 12, 0, 30, tzinfo=UTC)
TICK = """
- name: clock
  description: Copy the names of the ticks.
  environment: plain
  cmd: [sh, -c, 'basename $tick > $PFS_ROOT/out/$(basename $tick)']
  input: {{cron: {{name: tick, {cron}}}}}
- name: after
  description: What follows.
  environment: plain
  cmd: [sh, -c, 'ls $clock > $PFS_ROOT/out/ticks']
  input: {{pfs: {{repo: clock, glob: /}}}}
"""


@pytest.fixture
def clock(words):
    def call(said):
        words.declare(TICK.format(cron=said))
        words.put(a="1")
        return words

    return call


def ticks(words, *moments):
    """Tick at each moment; returns what the repo holds in the end."""
    with contextlib.closing(words.open()) as store:
        for moment in moments:
            cron.tick(words.project(), store, moment)
        head = store.head("clock_tick")
        return [entry.name for entry in store.trees.read(head.tree)]


def minutes(*numbers):
    return [NOW + timedelta(minutes=number) for number in numbers]


def test_a_cron_without_a_start_counts_from_when_it_is_first_seen(clock):
    words = clock("spec: '* * * * *'")
    assert ticks(words, NOW) == []
    assert ticks(words, *minutes(0.2, 1)) == ["2024-01-01T12:01:00Z"]
    assert ticks(words, *minutes(1.2, 3)) == [f"2024-01-01T12:0{n}:00Z" for n in (1, 2, 3)]


def test_a_start_in_the_past_is_made_up_for_at_once(clock):
    words = clock("spec: '@hourly', start: 2024-01-01T09:30:00Z")
    assert ticks(words, NOW) == [f"2024-01-01T{n}:00:00Z" for n in (10, 11, 12)]


def test_a_start_in_the_future_is_waited_for(clock):
    words = clock("spec: '@hourly', start: 2024-01-01T14:00:00+01:00")
    assert ticks(words, NOW) == []
    assert ticks(words, *minutes(60)) == []
    assert ticks(words, *minutes(120)) == ["2024-01-01T14:00:00Z"]


def test_a_tick_that_overwrites_is_alone(clock):
    words = clock("spec: '* * * * *', overwrite: true")
    assert ticks(words, *minutes(0, 5)) == ["2024-01-01T12:05:00Z"]
    assert ticks(words, *minutes(6)) == ["2024-01-01T12:06:00Z"]


def test_an_interval_counts_from_the_last_tick(clock):
    words = clock("spec: '@every 90s', start: 2024-01-01T12:00:00Z")
    assert ticks(words, *minutes(1, 4)) == [
        "2024-01-01T12:01:30Z",
        "2024-01-01T12:03:00Z",
        "2024-01-01T12:04:30Z",
    ]


def test_of_very_many_missed_ticks_the_newest_are_made_up_for(clock):
    words = clock("spec: '* * * * *', start: 2020-01-01T00:00:00Z")
    found = ticks(words, NOW)
    assert (len(found), found[-1]) == (cron.MOST, "2024-01-01T12:00:00Z")


def test_what_is_due_together_is_one_commit(clock):
    words = clock("spec: '@hourly', start: 2024-01-01T09:30:00Z")
    ticks(words, NOW)
    ticks(words, NOW)
    with contextlib.closing(words.open()) as store:
        assert len(store.history("clock_tick")) == 1


def test_one_that_never_ticks_never_does(clock):
    words = clock("spec: '@never'")
    assert ticks(words, *minutes(0, 10_000)) == []


def test_a_run_ticks_and_runs_each_tick_once(clock):
    start = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    words = clock(f"spec: '@every 1h', start: {cron.name(start)}")
    assert "due: 2 ticks of clock_tick" in words.ibid("plan").stderr
    run, events = words.run()
    begun = {e.pipeline: e.total for e in events if isinstance(e, JobStarted)}
    assert (run.code, begun) == (0, {"clock": 2, "after": 1})
    names = [cron.name(start + timedelta(hours=n)) for n in (1, 2)]
    assert words.read("after", "/ticks").split() == names
    assert words.run()[1] == []
    assert f"the next tick of clock_tick: {cron.name(start + timedelta(hours=3))}" in (
        words.ibid("plan").stderr
    )


def test_to_wait_for_the_first_tick_is_no_failure(clock):
    words = clock("spec: '@yearly'")
    assert words.plan()["clock"].state is State.WAITS
    run, _ = words.run()
    assert run.code == 0
    assert run.not_run["clock"].startswith("its cron ticks next at ")
    assert run.not_run["after"] == "clock was not run"
    assert words.plan()["clock"].state is State.WAITS


def test_nobody_puts_into_the_repo_of_a_cron(clock):
    words = clock("spec: '@yearly'")
    with contextlib.closing(words.open()) as store, pytest.raises(UsageError, match="people fill"):
        inputs.put(words.project(), store, "clock_tick", words.texts, replace=False)


@pytest.mark.parametrize("purge", [[], ["--purge"]])
def test_a_tick_that_is_withdrawn_comes_not_again_and_the_next_one_does(clock, purge):
    words = clock("spec: '@hourly'")
    assert ticks(words, NOW, *minutes(60)) == ["2024-01-01T13:00:00Z"]
    words.ibid("rm", "clock_tick:2024-01-01T13:00:00Z", "--no-run", *purge)
    assert words.plan()["clock"] is not None
    assert ticks(words, *minutes(70)) == []
    assert ticks(words, *minutes(120)) == ["2024-01-01T14:00:00Z"]
