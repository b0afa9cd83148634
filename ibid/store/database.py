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

FORMAT = 2

SCHEMA = """
CREATE TABLE commits (
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    tree TEXT NOT NULL,
    size INTEGER NOT NULL,
    created REAL NOT NULL,
    provenance TEXT NOT NULL,
    added TEXT,
    PRIMARY KEY (project, repo, id)
) STRICT;
CREATE INDEX commits_added ON commits (project, repo, added) WHERE added IS NOT NULL;
CREATE TABLE branches (
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    name TEXT NOT NULL,
    head TEXT NOT NULL,
    PRIMARY KEY (project, repo, name)
) STRICT;
CREATE TABLE jobs (
    project TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    started REAL NOT NULL,
    finished REAL,
    total INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    code INTEGER NOT NULL,
    error TEXT NOT NULL,
    stopping INTEGER NOT NULL,
    PRIMARY KEY (project, pipeline, id)
) STRICT;
CREATE INDEX jobs_newest ON jobs (project, pipeline);
CREATE INDEX jobs_running ON jobs (project) WHERE state = 'running';
CREATE TABLE datums (
    project TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    job TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    label TEXT NOT NULL,
    code INTEGER NOT NULL,
    error TEXT NOT NULL,
    seconds REAL NOT NULL,
    log TEXT NOT NULL,
    log_start INTEGER NOT NULL,
    log_end INTEGER NOT NULL,
    PRIMARY KEY (project, pipeline, job, id)
) STRICT;
CREATE TABLE results (
    key TEXT PRIMARY KEY,
    tree TEXT NOT NULL,
    code INTEGER NOT NULL,
    seconds REAL NOT NULL
) STRICT;
"""


class Database:
    """One connection, shared by the threads of one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        """Run a statement once a row."""
        with self._lock, self._explained():
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

    def _prepare(self) -> None:
        """Make the tables of a new store; a store that is not ours is refused as it is."""
        found = self._version()
        if found not in (0, FORMAT):
            raise UsageError(
                f"Expected a store of format {FORMAT} at {self.path}.",
                received=f"format {found}",
                hint="use the version of ibid that made this store",
            )
        with _alone(self.path.parent):  # SQLite would not wait for another that does the same
            self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if found == FORMAT:
            return
        with self.transaction():
            if self._version() == 0:  # another process may have been first
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")

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
