"""What the system and SQLite say is told with what was expected, and what to do."""

import errno
import os
import sqlite3
from contextlib import closing

import pytest

from ibid.stage.contract import ExitCode
from ibid.store.disk import BusyError, DiskError, explain, explain_database, named, shortage


def raised(path, statement, **options):
    """Let SQLite fail; returns its error."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0, **options)) as database:
        with pytest.raises(sqlite3.Error) as caught:
            database.execute(statement).fetchall()
        return caught.value


def test_a_full_disk_is_named_with_what_to_do():
    told = explain(OSError(errno.ENOSPC, "No space left on device", "from", None, "to/file"))
    assert isinstance(told, DiskError)
    assert told.code == ExitCode.TEMPORARY
    assert "Expected room on the disk that holds to/file." in str(told)
    assert "hint: make room there, then give the same command again" in str(told)


def test_a_failing_disk_is_named_with_where_to_look():
    told = explain(OSError(errno.EIO, "Input/output error", "file"))
    assert isinstance(told, DiskError)
    assert "under file" in str(told)
    assert "dmesg" in str(told)


def test_any_other_error_says_what_the_system_said():
    told = explain(PermissionError(errno.EACCES, "Permission denied", "file"))
    assert told.code == ExitCode.BUG
    assert "Permission denied: 'file'" in str(told)


def test_a_write_that_fails_says_where():
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left") as caught, named("/dev/full"):
        os.write(descriptor, b"x")
    os.close(descriptor)
    assert caught.value.filename == "/dev/full"


def test_a_database_that_another_writes_to_is_busy_not_locked(tmp_path):
    path = tmp_path / "ibid.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        told = explain_database(raised(path, "CREATE TABLE a (b)"), path)
    assert isinstance(told, BusyError)
    assert told.code == ExitCode.TEMPORARY
    assert "another process is writing to it" in str(told)


def test_a_database_that_somebody_has_damaged_is_named_with_a_way_out(tmp_path):
    path = tmp_path / "ibid.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE a (b)")
        database.executemany("INSERT INTO a VALUES (?)", [("x" * 1000,)] * 100)
        database.commit()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    told = explain_database(raised(path, "SELECT * FROM a"), path)
    assert f"Expected {path} to be whole" in str(told)
    assert "hint: put back a copy" in str(told)


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(tmp_path / "none" / "ibid.db")
    assert str(tmp_path / "none") in str(explain_database(caught.value, tmp_path / "none"))


def test_a_disk_with_room_is_not_full(tmp_path):
    assert shortage(tmp_path / "not" / "there" / "yet") == ""
