"""What must hold of a home whatever has happened to it, looked at from outside.

It reads the files and the tables by itself: what the store's own code believes is not asked.
"""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

GRACE = 5.0  # seconds in which a process that was killed is gone from the process table

Commits = dict[tuple[str, str], tuple[str, ...]]


def shown(home: Path) -> Commits:
    """Read every commit that the home shows, by repo and id; none if there is no store yet."""
    rows = _rows(home, "SELECT repo, id, parent, tree, size, created, provenance FROM commits")
    return {(row[0], row[1]): tuple(map(str, row)) for row in rows}


def heads(home: Path) -> dict[str, str]:
    """Read the digest of each branch's newest commit."""
    rows = _rows(
        home,
        "SELECT b.repo, c.tree FROM branches b LEFT JOIN commits c "
        "ON c.project = b.project AND c.repo = b.repo AND c.id = b.head",
    )
    return {row[0]: str(row[1]) for row in rows}


def broken(home: Path, before: Commits) -> list[str]:
    """List what is wrong in the store: each entry is a promise broken.

    Args:
        home: the home.
        before: the commits that were shown before it was harmed.
    """
    now = shown(home)
    complaints = [f"lost the commit {key}" for key in before if before[key] != now.get(key)]
    complaints += [
        f"the head of {repo} is no commit" for repo, t in heads(home).items() if t == "None"
    ]
    roots = {(row[3], f"{row[0]}@{row[1]}") for row in now.values()}
    for row in now.values():
        roots |= {(digest, f"the provenance of {row[0]}@{row[1]}") for digest in _cited(row[6])}
    roots |= {
        (row[0], f"the result {row[1]}") for row in _rows(home, "SELECT tree, key FROM results")
    }
    whole: dict[str, bool] = {}
    for digest, owner in sorted(roots):
        complaints += [f"{owner}: {said}" for said in _unwhole(home, digest, whole)]
    return complaints + _partial_objects(home) + _inconsistent_jobs(home)


def left(home: Path) -> list[str]:
    """List what a finished run should have cleaned up: its own and that of those killed before."""
    found = [
        f"a job is {state}"
        for (state,) in _rows(home, "SELECT state FROM jobs WHERE state = 'running'")
    ]
    scratch = [home / "scratch", memory(home), *home.glob("service-*")]
    found += [f"left over: {path}" for folder in scratch for path in _files(folder)]
    found += [f"left over: {path}" for path in _files(home / "objects" / "incoming")]
    until = time.monotonic() + GRACE
    while (orphans := processes(home)) and time.monotonic() < until:
        time.sleep(0.05)
    return found + [f"an orphan process: {name}" for name in orphans]


def processes(home: Path) -> list[str]:
    """List the processes that were started to work in this home's scratch."""
    marks = [os.fsencode(folder) + b"/" for folder in (home / "scratch", memory(home))]
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it ended meanwhile, or is not ours
            value = environ.read_bytes()
            if any(mark in value for mark in marks):
                found.append(environ.parent.name)
    return found


def memory(home: Path) -> Path:
    """Say which folder in memory a home's small datums are laid out in."""
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(f"/dev/shm/ibid-{os.getuid()}-{name}")


def _rows(home: Path, sql: str) -> list[tuple[str, ...]]:
    if not (home / "ibid.db").exists():
        return []
    with closing(sqlite3.connect(home / "ibid.db", timeout=60)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master").fetchall():
            return []  # killed before the tables were made
        if "FROM jobs" in sql:
            (said,) = database.execute("PRAGMA integrity_check").fetchone()
            if said != "ok":
                raise AssertionError(f"SQLite finds {said}")
        return database.execute(sql).fetchall()


def _cited(provenance: str) -> Iterator[str]:
    """Name the objects that a commit's provenance cites; `code` is a tree."""
    record = json.loads(provenance)
    yield from (record[name] for name in ("spec_record", "environment_record") if name in record)
    if "code" in record:
        yield record["code"]


def _unwhole(home: Path, digest: str, seen: dict[str, bool]) -> Iterator[str]:
    """Look at an object and, if it is a tree, at all that is below it."""
    if digest in seen:
        return
    seen[digest] = True
    path = home / "objects" / digest[:2] / digest[2:]
    if not path.exists():
        yield f"{digest} is missing"
        return
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        yield f"{digest} holds other bytes"
        return
    for kind, name, inner, size in _entries(data):
        yield from (f"{name}: {said}" for said in _unwhole(home, inner, seen))
        file = home / "objects" / inner[:2] / inner[2:]
        if kind == "file" and file.exists() and file.stat().st_size != size:
            yield f"{name} is not of {size} bytes"


def _entries(data: bytes) -> list[tuple[str, str, str, int]]:
    """Read the bytes of a tree; nothing if they are none."""
    with suppress(ValueError, TypeError):
        head, rows = json.loads(data)
        if "tree" in head:
            return [(kind, name, inner, size) for kind, name, inner, size in rows]
    return []


def _partial_objects(home: Path) -> list[str]:
    """List the objects whose bytes are not those of their name, cited or not."""
    return [
        f"{path} holds other bytes than its name says"
        for path in home.glob("objects/??/*")
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.parent.name + path.name
    ]


def _inconsistent_jobs(home: Path) -> list[str]:
    """A job succeeded exactly if its output is shown; its datums then all have their results."""
    outputs = {(row[0], row[1]) for row in shown(home).values() if "pipeline" in json.loads(row[6])}
    succeeded = {
        (row[0], row[1])
        for row in _rows(home, "SELECT pipeline, id FROM jobs WHERE state = 'success'")
    }
    return [
        *(f"{each} has succeeded and shows no output" for each in sorted(succeeded - outputs)),
        *(f"{each} is shown and its job has not succeeded" for each in sorted(outputs - succeeded)),
    ]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()] + (
        [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    )
