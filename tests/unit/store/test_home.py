import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ibid.store.home import Home

HOLD = """
import sys
from pathlib import Path
from ibid.store.home import Home
home = Home(Path(sys.argv[1]))
with home.run_lock(lambda holder: print("waits for", holder, flush=True)):
    print("holds", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def another(home):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, home.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def nobody(holder):
    raise AssertionError(f"{holder} holds the lock")


def test_who_comes_second_is_told_who_holds_the_lock_and_waits(home):
    with another(home) as first, another(home) as second:
        names = {}
        for process in (first, second):
            names[process.stdout.readline().strip()] = process
        (holder,) = (process for said, process in names.items() if said == "holds")
        waiting = second if holder is first else first
        assert f"waits for process {holder.pid}" in names
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.wait(60) == 0
        assert waiting.stdout.readline() == "holds\n"


def test_a_lock_is_gone_when_its_holder_is_killed(home):
    with another(home) as process:
        assert process.stdout.readline() == "holds\n"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        with home.run_lock(nobody):
            pass


def test_a_lock_is_gone_when_its_holder_fails(home):
    def fail():
        with home.run_lock(nobody):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with home.run_lock(nobody):
        pass


def test_who_waits_is_told_once_and_gets_the_lock(home):
    told, got = [], threading.Event()

    def wait():
        with home.run_lock(told.append):
            got.set()

    thread = threading.Thread(target=wait)
    with home.run_lock(nobody):
        thread.start()
        while not told:
            assert thread.is_alive()
        assert not got.is_set()
    thread.join(60)
    assert got.is_set()
    assert told == [f"process {os.getpid()}"]


def test_who_only_looks_whether_it_is_free_is_waited_for_without_a_word(home):
    looking, done = threading.Event(), threading.Event()
    home.path.mkdir()
    (home.path / "run.lock").write_text("4711")  # a run that was killed

    def look():
        with home.run_lock_if_free() as free:
            assert free
            looking.set()
            done.wait(0.2)

    thread = threading.Thread(target=look)
    thread.start()
    assert looking.wait(60)
    with home.run_lock(nobody):
        done.set()
    thread.join()


def test_a_home_is_made_when_it_is_first_needed(tmp_path):
    home = Home(tmp_path / "a" / "b")
    home.open("pets").close()
    assert (home.path / "ibid.db").is_file()
    other = Home(tmp_path / "c" / "d")
    with other.run_lock(nobody):
        assert other.path.is_dir()


def test_everything_of_a_home_is_inside_it(home):
    for path in (home.scratch, home.logs, home.deployed):
        assert path.is_relative_to(home.path)
        assert isinstance(path, Path)
