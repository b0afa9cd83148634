import fcntl
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ibid.stage.contract import UsageError
from ibid.store.database import Database
from ibid.store.disk import DiskError
from ibid.store.migrations import FORMAT

BRANCH = "INSERT INTO branches VALUES ('p', 'r', ?, 'h')"


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "ibid.db")
    yield opened
    opened.close()


def branches(database):
    return [row["name"] for row in database.query("SELECT name FROM branches ORDER BY name")]


def test_a_transaction_is_kept_whole(database):
    with database.transaction():
        database.execute(BRANCH, ("a",))
        database.execute_many(BRANCH, [("b",), ("c",)])
    assert branches(database) == ["a", "b", "c"]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_transaction_that_fails_leaves_nothing(database, kind):
    def half():
        with database.transaction():
            database.execute(BRANCH, ("a",))
            raise kind

    with pytest.raises(kind):
        half()
    assert branches(database) == []
    with database.transaction():  # and the next one can begin
        database.execute(BRANCH, ("b",))
    assert branches(database) == ["b"]


def test_a_transaction_of_another_connection_is_seen_when_it_is_whole(database):
    other = Database(database.path)
    with database.transaction():
        database.execute(BRANCH, ("a",))
        assert branches(other) == []
    assert branches(other) == ["a"]
    other.close()


def test_the_threads_of_a_process_take_turns(database):
    def write(number):
        with database.transaction():
            database.execute(BRANCH, (f"{number}",))
            return len(branches(database))

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(write, range(50)))
    assert sorted(counts) == list(range(1, 51))


def test_a_store_of_a_newer_format_is_refused_with_what_to_do(database):
    database.execute("PRAGMA user_version = 7")
    with pytest.raises(UsageError, match=f"store of format {FORMAT}") as caught:
        Database(database.path)
    told = str(caught.value)
    assert str(database.path) in told
    assert "Received: format 7" in told
    assert "hint: use the version of ibid that made this store" in told


def test_a_refused_store_is_as_it_was(tmp_path):
    path = tmp_path / "ibid.db"
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE theirs (a)")
    made.execute("PRAGMA user_version = 7")
    made.close()
    before = path.read_bytes()
    with pytest.raises(UsageError):
        Database(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["ibid.db"]


def test_a_file_that_is_no_database_is_refused_by_its_name(tmp_path):
    (tmp_path / "ibid.db").write_bytes(b"not a database at all, but long enough" * 100)
    with pytest.raises(UsageError) as caught:
        Database(tmp_path / "ibid.db")
    assert str(tmp_path / "ibid.db") in str(caught.value)


def test_one_process_at_a_time_makes_a_new_store(tmp_path):
    """SQLite does not wait for another that switches a database to WAL: it finds it locked."""
    folder, path = os.open(tmp_path, os.O_RDONLY), tmp_path / "ibid.db"
    fcntl.flock(folder, fcntl.LOCK_EX)
    opening = threading.Thread(target=lambda: Database(path).close())
    opening.start()
    opening.join(0.3)
    assert opening.is_alive()
    os.close(folder)
    opening.join(60)
    assert not opening.is_alive()


@pytest.mark.parametrize("attempt", range(2))
def test_nobody_finds_a_new_store_locked_while_another_makes_it(tmp_path, attempt):
    fork = multiprocessing.get_context("fork")
    together, said = fork.Barrier(8), fork.Queue()

    def make():
        together.wait()
        try:
            Database(tmp_path / "ibid.db").close()
            said.put("")
        except Exception as error:
            said.put(str(error))

    processes = [fork.Process(target=make) for _ in range(8)]
    for process in processes:
        process.start()
    assert [said.get() for _ in processes] == [""] * 8
    for process in processes:
        process.join()


def test_a_disk_that_is_full_is_told_in_words_and_nothing_is_half_written(database):
    database.execute("PRAGMA max_page_count = 20")

    def fill():
        with database.transaction():
            database.execute(BRANCH, ("a",))
            database.execute(BRANCH, ("b" * 100_000,))

    with pytest.raises(DiskError, match="room on the disk") as caught:
        fill()
    assert str(database.path) in str(caught.value)
    assert "hint: make room there" in str(caught.value)
    assert branches(database) == []


def test_a_bug_of_ours_stays_one(database):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.query("SELECT * FROM no_table")


OPEN = """
import sys
from pathlib import Path
from ibid.store.database import Database
sys.stdin.readline()
database = Database(Path(sys.argv[1]))
database.execute("INSERT INTO branches VALUES ('p', 'r', ?, 'h')", (sys.argv[2],))
"""


def test_several_processes_may_open_a_new_store_at_once(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, tmp_path / "ibid.db", str(number)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
    opened = Database(tmp_path / "ibid.db")
    assert branches(opened) == ["0", "1", "2", "3"]
    opened.close()
