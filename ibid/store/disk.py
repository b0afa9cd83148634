"""What the system and SQLite say when a disk fails, in words that a user can act on."""

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ibid.stage.contract import IbidError, TemporaryError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
ROOM = 1 << 16  # bytes: with less, whatever is written next does not fit
_AGAIN = "then give the same command again: it goes on where it was"


class DiskError(TemporaryError):
    """A disk is full or fails; what was committed before is whole."""


class BrokenDatabaseError(IbidError):
    """The database is no longer what was written there."""


class BusyError(TemporaryError):
    """Another process kept the database for longer than anybody should."""


def move_durably(half: Path, target: Path) -> None:
    """Give a file that was written its name, so that a power cut leaves all of it or nothing."""
    _sync(half)
    half.rename(target)
    _sync(target.parent)


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an error of the block say at which file it happened: a failed write does not know."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            error.filename = error.filename or str(path)
        raise


def explain(error: OSError) -> IbidError:
    """Turn what the system said into what a user can do about it."""
    path = error.filename2 or error.filename or "a folder that it does not name"
    if error.errno in FULL:
        return _full(path, str(error.strerror))
    if error.errno == errno.EIO:
        return _failing(path, str(error.strerror))
    return IbidError("Expected the system to allow what was asked of it.", received=error)


def explain_database(error: sqlite3.Error, path: Path) -> IbidError | None:
    """Turn what SQLite said of a database into what a user can do; None if it is our bug."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # the rest tells apart what users need not
        case sqlite3.SQLITE_FULL:
            return _full(path, str(error))
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if shortage(path):
            return _full(path, str(error))
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            return _failing(path, f"{error} ({error.sqlite_errorname})")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return BusyError(
                f"Expected {path} to be free within a minute.",
                received="another process is writing to it",
                hint="ibid jobs  # says what runs; then give the same command again",
            )
        case sqlite3.SQLITE_READONLY:
            return IbidError(f"Expected to be allowed to write to {path}.", received=error)
        case sqlite3.SQLITE_CORRUPT:
            return BrokenDatabaseError(
                f"Expected {path} to be whole: something other than ibid has changed it.",
                received=error,
                hint=f"put back a copy, or save its rows: sqlite3 {path} .recover",
            )
    return None


def shortage(path: Path) -> str:
    """Say that the disk which holds a path is full; nothing if it is not."""
    there = next((each for each in (path, *path.parents) if each.exists()), Path("/"))
    free = shutil.disk_usage(there).free
    return f"the disk that holds {path} is full: {free} bytes are free" if free < ROOM else ""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with named(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _full(path: object, said: str) -> DiskError:
    return DiskError(
        f"Expected room on the disk that holds {path}.",
        received=said,
        hint=f"make room there, {_AGAIN}",
    )


def _failing(path: object, said: str) -> DiskError:
    return DiskError(
        f"Expected a disk that can be read and written, under {path}.",
        received=said,
        hint=f"see what the system's log (dmesg) says of that disk, {_AGAIN}",
    )
