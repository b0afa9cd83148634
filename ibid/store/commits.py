"""Commits and branches: what was stored, in which order, and how it is named."""

import contextlib
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Literal, NewType

from ibid.spec.near import did_you_mean
from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError, TemporaryError, UsageError
from ibid.store.database import Database
from ibid.store.locks import StoreLock
from ibid.store.objects import MissingObjectError, Objects
from ibid.store.trees import Entry, Trees

CommitId = NewType("CommitId", str)
MASTER = "master"
WHOLE, FILES, DELETED = "whole", "files", "deleted"
_COLUMNS = "repo, id, parent, tree, size, created, provenance, purged, purged_at, added"
_BACK = re.compile(r"(?P<base>[^^~]+)(?P<back>\^*)")


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a repo. `tree` is its digest; `provenance` is JSON about it, outside of it.

    `purged` is `whole` if its bytes are gone for good, `files` if those of some files are,
    `deleted` if they are gone until they come from somewhere else. `added` is what it brought,
    where it is to be found again by that.
    """

    repo: str
    id: CommitId
    parent: CommitId | None
    tree: Digest
    size: int
    created: float
    provenance: str
    purged: str = ""
    purged_at: float | None = None
    added: Digest | None = None

    @property
    def gone(self) -> bool:
        """Whether its record alone is left."""
        return self.purged in (WHOLE, DELETED)

    @property
    def fate(self) -> str:
        """What became of its bytes, if they are gone: in a word for people."""
        return "deleted" if self.purged == DELETED else "purged"

    @property
    def address(self) -> str:
        """`REPO@` and enough of the id."""
        return f"{self.repo}@{self.id[:8]}"


class MovedError(TemporaryError):
    """Somebody else has committed to the branch meanwhile: read it again."""


class PurgedError(BadInputError):
    """Bytes that were removed for good; that they were here is on record."""


def new_id() -> CommitId:
    """Make an id for a commit set: 32 hex digits, as Pachyderm's."""
    return CommitId(uuid.uuid4().hex)


class Store:
    """The repos of one project in one home folder."""

    def __init__(self, objects: Objects, database: Database, project: str, lock: StoreLock) -> None:
        self.objects, self.database, self.project, self.lock = objects, database, project, lock
        self.trees = Trees(objects)

    def projects(self) -> list["Store"]:
        """List the stores of all projects of this home: they share objects and results."""
        rows = self.database.query("SELECT DISTINCT project FROM commits ORDER BY project")
        return [Store(self.objects, self.database, row["project"], self.lock) for row in rows]

    @contextlib.contextmanager
    def reading(self, commit: Commit) -> Iterator[None]:
        """Say of bytes that were purged that they were, and when; raises PurgedError."""
        if commit.gone:
            raise _purged(commit, commit.purged_at, commit.tree)
        try:
            yield
        except MissingObjectError as error:
            rows = self.database.query("SELECT at FROM purged WHERE digest = ?", (error.received,))
            if not rows:
                raise
            raise _purged(commit, rows[0]["at"], error.received) from error

    def commit(
        self,
        repo: str,
        commit_id: CommitId,
        tree: Entry,
        provenance: str,
        branch: str = MASTER,
        *,
        onto: Commit | Literal["any"] | None = "any",
        added: Digest | None = None,
    ) -> Commit:
        """Add a commit to a branch: durable objects first, then one transaction that shows it.

        Raises MovedError if `onto` is given and is not the branch's head any more. `added` is what
        the commit brought, if it is to be found again by that.
        """
        self.objects.sync()
        return self.show(repo, commit_id, tree, provenance, branch, onto=onto, added=added)

    def show(
        self,
        repo: str,
        commit_id: CommitId,
        tree: Entry,
        provenance: str,
        branch: str = MASTER,
        *,
        onto: Commit | Literal["any"] | None = "any",
        added: Digest | None = None,
    ) -> Commit:
        """Add a commit whose objects are durable already, for one that has more to show with it."""
        with self.database.transaction():
            parent = self._head_id(repo, branch)
            if onto != "any" and parent != (onto and onto.id):
                raise MovedError(f"Expected {repo}@{branch} to be as it was read.", received=parent)
            commit = Commit(
                repo, commit_id, parent, tree.digest, tree.size, time.time(), provenance,
                added=added,
            )  # fmt: skip
            self.insert(commit)
            self.set_branch(repo, branch, commit_id)
        return commit

    def insert(self, commit: Commit) -> None:
        """Add the record of a commit; what it hangs on is in the store, and durable."""
        self.database.execute(
            f"INSERT INTO commits (project, {_COLUMNS}) "  # noqa: S608
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self.project, *astuple(commit)),
        )

    def set_branch(self, repo: str, branch: str, head: CommitId) -> None:
        """Let a branch, new or not, point to a commit."""
        self.database.execute(
            "INSERT OR REPLACE INTO branches VALUES (?, ?, ?, ?)",
            (self.project, repo, branch, head),
        )

    def head(self, repo: str, branch: str = MASTER) -> Commit | None:
        """Return the newest commit of a branch, or None if there is none."""
        found = self._head_id(repo, branch)
        return None if found is None else self.get(repo, found)

    def get(self, repo: str, commit_id: CommitId) -> Commit | None:
        """Return a commit by its whole id."""
        rows = self._select("repo = ? AND id = ?", repo, commit_id)
        return rows[0] if rows else None

    def resolve(self, repo: str, ref: str = MASTER) -> Commit:
        """Find a commit by branch, id, unique prefix of an id, or any of these with `^`.

        Raises UsageError that lists what there is.
        """
        match = _BACK.fullmatch(ref)
        if match is None:
            raise UsageError("Expected a branch, a commit id or branch^.", received=ref)
        commit = self._resolve_base(repo, match["base"])
        for _ in match["back"]:
            parent = commit.parent and self.get(repo, commit.parent)
            if not parent:
                raise UsageError(
                    f"Expected {repo}@{match['base']} to have that many parents.", received=ref
                )
            commit = parent
        return commit

    def that_added(self, repo: str, added: Digest) -> list[Commit]:
        """List the commits that brought something, by its digest, newest first."""
        return self._select("repo = ? AND added = ? ORDER BY rowid DESC", repo, added)

    def history(self, repo: str) -> list[Commit]:
        """List a repo's commits, newest first."""
        return self._select("repo = ? ORDER BY rowid DESC", repo)

    def repos(self) -> list[str]:
        """List the repos that hold a commit."""
        rows = self.database.query(
            "SELECT DISTINCT repo FROM commits WHERE project = ? ORDER BY repo", (self.project,)
        )
        return [row["repo"] for row in rows]

    def mark_purged(self, commit: Commit, how: str, at: float | None) -> None:
        """Mark a commit as purged or deleted, or as whole again; its record stays."""
        self.database.execute(
            "UPDATE commits SET purged = ?, purged_at = ? WHERE project = ? AND repo = ? "
            "AND id = ?",
            (how, at, self.project, commit.repo, commit.id),
        )

    def close(self) -> None:
        """Close the database, and let go of the objects."""
        self.database.close()
        self.objects.close()

    def _resolve_base(self, repo: str, base: str) -> Commit:
        if commit := self.head(repo, base):
            return commit
        found = self._select("repo = ? AND id >= ? AND id < ?", repo, base, f"{base}~")
        if len(found) == 1:
            return found[0]
        if repo not in (known := self.repos()):
            near = did_you_mean(repo, known)
            raise UsageError(
                f"Expected a repo that holds a commit, one of: {', '.join(known) or 'none yet'}.",
                received=repo,
                hint=f"did you mean {near}?" if near else "ibid repos",
            )
        raise UsageError(
            f"Expected a branch of {repo}, or a commit id that begins like one commit's only.",
            received=f"{base}, which {len(found)} commits match",
            hint=f"ibid commits {repo}",
        )

    def _head_id(self, repo: str, branch: str) -> CommitId | None:
        rows = self.database.query(
            "SELECT head FROM branches WHERE project = ? AND repo = ? AND name = ?",
            (self.project, repo, branch),
        )
        return CommitId(rows[0]["head"]) if rows else None

    def _select(self, where: str, *parameters: object) -> list[Commit]:
        """Select by a condition of ours, its values bound."""
        rows = self.database.query(
            f"SELECT {_COLUMNS} FROM commits WHERE project = ? AND {where}",  # noqa: S608
            (self.project, *parameters),
        )
        return [Commit(*row) for row in rows]


def _purged(commit: Commit, at: float | None, digest: object) -> PurgedError:
    day = datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%d")
    return PurgedError(
        f"Expected {commit.address} to hold its bytes.",
        received=f"{commit.fate} on {day}, was {digest}",
        hint=f"ibid lineage {commit.address} shows its record, which is kept",
    )
