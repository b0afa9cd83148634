"""`ibid run --watch` goes on: a commit, an edit and a tick each start a run, a signal ends it."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from ibid.engine import cron
from ibid.engine.watch import Watching

WAITING = "Waiting for a change"
CRON = """
- name: clock
  description: Copy the names of the ticks.
  environment: plain
  cmd: [sh, -c, 'touch $PFS_ROOT/out/$(basename $tick)']
  input: {cron: {name: tick, spec: '@every 1s'}}
"""


class Watched:
    """A watch in a process of its own, and the lines that it says."""

    def __init__(self, root):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ibid.cli", "run", "--watch"],
            cwd=root,
            env=os.environ | {"COLUMNS": "200"},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, text):
        """Read up to a line with a text in it; returns the lines."""
        found = []
        while not (found and text in found[-1]):
            line = self._lines.get(timeout=60)
            assert line is not None, "".join(found)
            found.append(line)
        return "".join(found)

    def end(self, number=signal.SIGTERM):
        self._process.send_signal(number)
        code = self._process.wait(60)
        self._process.stderr.close()
        return code

    def kill(self):
        self._process.kill()
        self._process.wait(60)
        self._process.stderr.close()

    def _read(self):
        with contextlib.suppress(ValueError):  # closed
            for line in self._process.stderr:
                self._lines.put(line)
        self._lines.put(None)


@pytest.fixture
def watched(words):
    started = []

    def call():
        started.append(Watched(words.root))
        return started[-1]

    yield call
    for each in started:
        each.kill()


def test_a_commit_and_an_edit_start_a_run_and_nothing_is_locked_between(words, watched):
    words.put(one="a b")
    watch = watched()
    assert "total: done" in watch.until(WAITING)
    with words.project().home.run_lock_if_free() as free:
        assert free
    words.put(two="b")
    said = watch.until(WAITING)
    assert "new in texts." in said
    assert "count: 1 datum to run" in said
    words.edit("words/total/__main__.py", "Add the counts", "Sum the counts")
    said = watch.until(WAITING)
    assert "the code or the pipeline has changed." in said
    assert "total: 1 datum to run" in said
    words.edit("pipelines/words/pipeline.yaml", "tr a-z A-Z", "tr a-z a-z")
    assert "ibid specs" in watch.until("hint:")
    words.compile()
    assert "shout: 2 of 2 datums to run" in watch.until(WAITING)
    assert watch.end() == 0
    assert words.run()[1] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_the_code_of_its_last_run(words, watched, number):
    words.put(bad="UNREADABLE")
    watch = watched()
    watch.until(WAITING)
    assert watch.end(number) == 3


def test_a_signal_in_a_run_stops_the_run(words, watched):
    slow = '__import__("time").sleep(60), print("counting"'
    words.edit("words/count/__main__.py", 'print("counting"', slow)
    words.put(one="a")
    watch = watched()
    watch.until("count: 1 datum to run")
    assert watch.end() == 1
    assert {job["state"] for job in words.json("jobs") if job["pipeline"] == "count"} == {"killed"}


def test_a_cron_is_fired_again_and_again(words, watched):
    words.declare(CRON)
    words.put(a="1")
    watch = watched()
    for _ in range(2):
        assert "clock_tick ticks" in watch.until("clock: done")
    assert watch.end() in (0, 1)  # while it waits, or in the next run
    assert len(words.json("ls", "clock")) >= 2


def test_it_looks_at_one_number_while_nothing_happens(words):
    words.put(one="a")
    words.run()
    with contextlib.closing(words.open()) as store, contextlib.closing(words.open()) as other:
        watching = Watching(words.project(), store)
        asked = []
        store.database._connection.set_trace_callback(asked.append)
        now = datetime.now(UTC)
        assert watching.reason(now) == ""
        assert asked == ["PRAGMA data_version"]
        other.database.execute("UPDATE jobs SET stopping = 0")
        assert watching.reason(now) == ""  # somebody's job is no reason


def test_a_tick_that_a_run_could_not_take_is_no_reason_to_try_for_ever(words):
    words.declare(CRON)
    with contextlib.closing(words.open()) as store:
        start = datetime.now(UTC) - timedelta(seconds=30)
        cron.tick(words.project(), store, start)
        watching = Watching(words.project(), store)
        moment = watching._missed["clock_tick"][-1]
        assert watching.reason(moment) == ""
        assert watching.reason(moment + timedelta(seconds=1)) == "clock_tick ticks"


def test_code_that_is_broken_is_watched_until_it_is_whole(words):
    words.edit("words/total/__main__.py", "def run(", "def run((")
    words.put(one="a")
    with contextlib.closing(words.open()) as store:
        watching = Watching(words.project(), store)
        assert watching.reason(datetime.now(UTC)) == ""
        words.edit("words/total/__main__.py", "def run((", "def run(")
        assert "code" in watching.reason(datetime.now(UTC))


def test_one_watch_prints_no_json(words):
    assert "either --json or --watch" in words.ibid("run", "--watch", "--json", code=2).stderr
