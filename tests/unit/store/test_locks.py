import signal
import subprocess
import sys
import threading

import pytest

from ibid.store.locks import StoreLock, holders

HOLD = """
import sys
from pathlib import Path
from ibid.store.locks import StoreLock
lock = StoreLock(Path(sys.argv[1]), lambda said: print(said, flush=True))
with getattr(lock, sys.argv[2])():
    print("holds", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def lock(tmp_path):
    return StoreLock(tmp_path, nobody)


def nobody(said):
    raise AssertionError(said)


@pytest.fixture
def another(tmp_path):
    """Start processes that hold the lock until they are let go."""
    started = []

    def start(how):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path, how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def let_go(process):
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(60) == 0


def test_those_who_write_do_so_together(lock, another):
    assert another("shared").stdout.readline() == "holds\n"
    assert another("shared").stdout.readline() == "holds\n"
    with lock.shared():
        pass


@pytest.mark.parametrize(("first", "second"), [("shared", "alone"), ("alone", "shared")])
def test_who_is_alone_waits_for_the_others_and_is_waited_for(another, first, second):
    holder = another(first)
    assert holder.stdout.readline() == "holds\n"
    waiting = another(second)
    assert f"process {holder.pid}" in waiting.stdout.readline()
    let_go(holder)
    assert waiting.stdout.readline() == "holds\n"


def test_who_comes_after_one_that_wants_to_be_alone_queues_behind_it(another):
    writer = another("shared")
    assert writer.stdout.readline() == "holds\n"
    alone = another("alone")
    assert f"process {writer.pid}" in alone.stdout.readline()
    later = another("shared")
    assert f"process {alone.pid}" in later.stdout.readline()
    let_go(writer)
    assert alone.stdout.readline() == "holds\n"
    let_go(alone)
    assert later.stdout.readline() == "holds\n"


def test_a_lock_dies_with_its_holder(lock, another):
    process = another("alone")
    assert process.stdout.readline() == "holds\n"
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    with lock.alone():
        pass


def test_one_process_may_hold_it_several_times(lock):
    with lock.alone(), lock.alone(), lock.shared():
        pass
    with lock.shared(), lock.shared():
        pass
    with lock.alone_if_free() as free:
        assert free


def test_who_writes_cannot_be_alone_at_once(lock):
    with lock.shared(), pytest.raises(RuntimeError, match="writes"), lock.alone():
        pass
    with lock.alone():  # and nothing is left held
        pass


def test_being_alone_if_it_is_free_never_waits(lock, another):
    assert another("shared").stdout.readline() == "holds\n"
    with lock.alone_if_free() as free:
        assert not free


def test_the_threads_of_a_process_share_what_it_holds(lock):
    inside = threading.Barrier(3, timeout=60)

    def hold():
        with lock.shared():
            inside.wait()

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    for thread in threads:
        thread.join(60)
    with lock.alone():
        pass


def test_holders_are_named_with_their_command(words):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, words.root, "shared", "ibid.cli", "gc"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "holds\n"
        assert holders(words.root / "store.lock") == [f"process {process.pid} (ibid gc)"]
    finally:
        process.kill()
        process.communicate()
    assert holders(words.root / "store.lock") == []
