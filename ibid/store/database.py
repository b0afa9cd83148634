"""All mutable state: one SQLite file, in short transactions. It knows tables, not their meaning."""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ibid.stage.contract import UsageError
from ibid.store.disk import explain_database
from ibid.store.locks import LOG, Say
from ibid.store.migrations import FORMAT, migrate


class Database:
    """One connection, shared by the threads of one process.

    A database of an older format is migrated as it is opened; `say` is told, once.
    """

    def __init__(self, path: Path, say: Say = LOG) -> None:
        self.path, self._say = path, say
        self._lock = threading.RLock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=60
            )
        self._connection.row_factory = sqlite3.Row
        try:
            with self._explained():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Run a statement that reads."""
        with self._lock, self._explained():
            return self._connection.execute(sql, parameters).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that writes; on its own it is one transaction."""
        with self._lock, self._explained():
            self._connection.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once a row: all of them or none."""
        with self.transaction(), self._explained():
            self._connection.executemany(sql, rows)

    def version(self) -> int:
        """Return a number that changes when another process has committed something."""
        return int(self.query("PRAGMA data_version")[0][0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of the block or nothing of it; one inside another is part of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def scrub(self) -> bool:
        """Leave no trace in the files of what was deleted; returns whether that was possible.

        Another process that reads meanwhile keeps what it sees.
        """
        with self._lock, self._explained():
            self._connection.execute("VACUUM")
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _prepare(self) -> None:
        """Make or migrate the tables; a store that is not ours is refused as it is."""
        if (found := self._version()) > FORMAT:
            raise UsageError(
                f"Expected a store of format {FORMAT} or older at {self.path}.",
                received=f"format {found}, of a newer ibid",
                hint="use the version of ibid that made this store",
            )
        with _alone(self.path.parent):  # SQLite would not wait for another that does the same
            self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if found == FORMAT:
            return
        with self.transaction():
            found = self._version()  # another process may have been first
            if found == FORMAT:
                return
            backup = self._back_up(found) if found else None
            migrate(self._connection, found)
        if backup:
            self._say(
                f"{self.path}: migrated from format {found} to {FORMAT}; as it was: {backup.name}"
            )

    def _back_up(self, version: int) -> Path:
        """Keep the database as it is, beside it, whole or not at all."""
        target = self.path.with_name(f"{self.path.name}.format-{version}")
        half = target.with_name(f"{target.name}.half")
        half.unlink(missing_ok=True)
        # By a connection of its own: one that writes cannot be copied from.
        with (
            contextlib.closing(sqlite3.connect(self.path)) as reader,
            contextlib.closing(sqlite3.connect(half)) as copy,
        ):
            reader.backup(copy)
        half.rename(target)
        return target

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if told := explain_database(error, self.path):
                raise told from error
            raise

    def _version(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                raise
            raise UsageError(f"Expected a store at {self.path}.", received=error) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder for the block; the kernel drops it, however the block ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
