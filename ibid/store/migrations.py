"""The store's format, as steps: each takes the database from one format to the next.

A new store goes through all of them, so that it is what a migrated one is. A step is never edited
once a store was made with it: what is to change is one more step at the end.
"""

import sqlite3
from collections.abc import Callable

Step = Callable[[sqlite3.Connection], None]


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Run the steps that a database of some format lacks, in the transaction that is open."""
    for step in STEPS[version:]:
        step(connection)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _tables(connection: sqlite3.Connection) -> None:
    """Make the tables of format 1."""
    _run(
        connection,
        """
CREATE TABLE commits (
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    tree TEXT NOT NULL,
    size INTEGER NOT NULL,
    created REAL NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (project, repo, id)
) STRICT;
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
""",
    )


def _purges(connection: sqlite3.Connection) -> None:
    """Let a commit be marked as purged, in whole or of some files, and remember which files."""
    _run(
        connection,
        """
ALTER TABLE commits ADD COLUMN purged TEXT NOT NULL DEFAULT '';
ALTER TABLE commits ADD COLUMN purged_at REAL;
CREATE TABLE purged (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    at REAL NOT NULL
) STRICT;
""",
    )


def _lookups(connection: sqlite3.Connection) -> None:
    """Find uploads and jobs without reading all before; what earlier commits added stays unknown.

    Records stay as they are: other copies hold them byte for byte.
    """
    _run(
        connection,
        """
ALTER TABLE commits ADD COLUMN added TEXT;
CREATE INDEX commits_added ON commits (project, repo, added) WHERE added IS NOT NULL;
CREATE INDEX jobs_newest ON jobs (project, pipeline);
CREATE INDEX jobs_running ON jobs (project) WHERE state = 'running';
""",
    )


def _statements(connection: sqlite3.Connection) -> None:
    """Keep what was attested of commits."""
    _run(
        connection,
        """
CREATE TABLE statements (
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (project, repo, id, digest)
) STRICT;
""",
    )


def _run(connection: sqlite3.Connection, script: str) -> None:
    # Not `executescript`, which would end the transaction first.
    for statement in filter(str.strip, script.split(";")):
        connection.execute(statement)


STEPS: tuple[Step, ...] = (_tables, _purges, _lookups, _statements)
FORMAT = len(STEPS)
