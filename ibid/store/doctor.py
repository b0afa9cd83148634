"""Examine a store: every object hashed again, every reference followed; nothing is changed.

What is lost is named with the commits that hang on it, and where in an input it was.
"""

import hashlib
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ibid.spec.preimage import Digest
from ibid.store import batches
from ibid.store.commits import Store
from ibid.store.disk import BrokenDatabaseError
from ibid.store.objects import MissingObjectError
from ibid.store.reach import (
    Below,
    Cites,
    commit_roots,
    everywhere,
    purged_digests,
    reached,
    result_roots,
)
from ibid.store.trees import FOLDER, Trees

DAMAGED, MISSING, DANGLING, DATABASE = "damaged", "missing", "dangling", "database"
LEFTOVER = "leftover"

_UNRESOLVED = {
    "a branch whose commit is not there": """
        SELECT b.repo || '@' || b.name AS name FROM branches b LEFT JOIN commits c
        ON c.project = b.project AND c.repo = b.repo AND c.id = b.head WHERE c.id IS NULL""",
    "a job that succeeded, whose output is not there": """
        SELECT j.pipeline || '@' || j.id AS name FROM jobs j LEFT JOIN commits c
        ON c.project = j.project AND c.repo = j.pipeline AND c.id = j.id
        WHERE c.id IS NULL AND j.state = 'success'""",
    "datums whose job is not there": """
        SELECT DISTINCT d.pipeline || '@' || d.job AS name FROM datums d LEFT JOIN jobs j
        ON j.project = d.project AND j.pipeline = d.pipeline AND j.id = d.job
        WHERE j.id IS NULL""",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or left over; `hurts` names what hangs on it."""

    kind: str
    subject: str
    detail: str
    hurts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """What an examination found."""

    objects: int
    bytes: int
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that mean a loss: what is left over costs room alone."""
        return tuple(finding for finding in self.findings if finding.kind != LEFTOVER)

    @property
    def lost(self) -> frozenset[Digest]:
        """The objects that are cited, and are damaged or missing."""
        found = (f for f in self.findings if f.kind in (DAMAGED, MISSING) and f.hurts)
        return frozenset(Digest(finding.subject) for finding in found)

    @property
    def damaged(self) -> frozenset[Digest]:
        """The objects whose bytes are not those of their name, cited or not."""
        return frozenset(Digest(f.subject) for f in self.findings if f.kind == DAMAGED)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def examine(store: Store, cites: Cites, leftovers: Iterable[Path] = ()) -> Health:
    """Examine all projects of a home.

    Args:
        store: any store of the home.
        cites: says what a record cites.
        leftovers: files and folders that the caller has found to be left over.
    """
    with store.lock.shared():
        paths = dict(store.objects.all())
        sound = {d for d, is_sound in batches.each(_check, paths.items()) if is_sound}
        findings = [
            *_object_findings(store, cites, sound, paths.keys() - sound),
            *_reference_findings(store, cites),
            *(Finding(LEFTOVER, str(path), "left by a process that ended") for path in leftovers),
        ]
        size = sum(path.lstat().st_size for path in paths.values())
        return Health(len(paths), size, tuple(findings))


def find_paths(
    trees: Trees, root: Digest, wanted: Container[Digest], prefix: str = ""
) -> Iterator[tuple[str, Digest]]:
    """Find where below a tree some objects are, as far as its folders can be read."""
    try:
        entries = trees.read(root)
    except MissingObjectError:
        return
    for entry in entries:
        path = f"{prefix}/{entry.name}"
        if entry.digest in wanted:
            yield path, entry.digest
        elif entry.kind == FOLDER:
            yield from find_paths(trees, entry.digest, wanted, path)


def database_findings(store: Store) -> tuple[Finding, ...]:
    """Let SQLite check its file; while that is broken nothing else can be told."""
    try:
        rows = [row[0] for row in store.database.query("PRAGMA integrity_check")]
    except BrokenDatabaseError as error:
        rows = [str(error)]
    subject = str(store.database.path)
    return tuple(Finding(DATABASE, subject, row, ("everything",)) for row in rows if row != "ok")


def _check(item: tuple[Digest, Path]) -> tuple[Digest, bool]:
    digest, path = item
    try:
        with path.open("rb") as stream:
            return digest, hashlib.file_digest(stream, "sha256").hexdigest() == digest
    except OSError:  # a bad sector, or no right to read it: damaged, and the rest is examined still
        return digest, False


def _object_findings(
    store: Store, cites: Cites, sound: set[Digest], damaged: set[Digest]
) -> Iterator[Finding]:
    needed = reached(store, cites, within=sound)
    hurts = _hurts(store, cites, needed - sound, sound)
    for digest in sorted(needed - sound):
        kind = DAMAGED if digest in damaged else MISSING
        yield Finding(kind, digest, "cited", tuple(hurts.get(digest, ())))
    for digest in sorted(damaged - needed):
        yield Finding(DAMAGED, digest, "nothing cites it: ibid gc removes it")
    for digest in sorted(purged_digests(store).keys() & sound - needed):
        yield Finding(LEFTOVER, digest, "was purged, and is still there: ibid gc removes it")


def _hurts(
    store: Store, cites: Cites, lost: set[Digest], sound: set[Digest]
) -> dict[Digest, list[str]]:
    """Name what hangs on each lost object."""
    found: dict[Digest, list[str]] = {}
    if not lost:
        return found
    below = Below(store.trees, lost, sound)
    commits = [commit for _, commit in everywhere(store)]
    for root in (*commit_roots(commits, cites), *result_roots(store)):
        for digest in below(root.tree):
            found.setdefault(digest, []).append(root.by)
    for commit in commits:
        for digest in lost.intersection(cites(commit.provenance).objects):
            found.setdefault(digest, []).append(f"the record of {commit.address}")
    return found


def _reference_findings(store: Store, cites: Cites) -> Iterator[Finding]:
    """Follow what commits, branches, jobs and datums say of one another."""
    for each, commit in everywhere(store):
        if commit.parent and each.get(commit.repo, commit.parent) is None:
            yield Finding(DANGLING, commit.address, f"its parent {commit.parent} is not there")
        for cause in cites(commit.provenance).causes:
            given = each.get(cause.repo, cause.commit)
            if given is None:
                detail = f"its input {cause.repo}@{cause.commit} is not there"
                yield Finding(DANGLING, commit.address, detail, (commit.address,))
            elif given.tree != cause.digest and not given.gone:
                detail = f"its input {cause.repo}@{cause.commit} had the digest {cause.digest}"
                yield Finding(DANGLING, commit.address, detail, (commit.address,))
    for detail, sql in _UNRESOLVED.items():
        for row in store.database.query(sql):
            yield Finding(DANGLING, row["name"], detail, (row["name"],))
