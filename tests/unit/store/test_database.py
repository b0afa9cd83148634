import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ibid.stage.contract import UsageError
from ibid.store.database import Database
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
