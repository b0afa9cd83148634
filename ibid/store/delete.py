"""Delete commits and branches, in Pachyderm's words; the bytes go when gc finds them uncited.

A commit that others cite keeps its record, marked as deleted: what was made from it can say so, and
a copy of its bytes from elsewhere makes it whole again.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from ibid.stage.contract import UsageError
from ibid.store import statements
from ibid.store.commits import DELETED, Commit, CommitId, Store
from ibid.store.reach import Cites

SHOWN = 5
Name = tuple[str, CommitId]
Leaving = dict[Name, Commit]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, and of that which records stay, as others cite them."""

    commits: tuple[Commit, ...]
    kept_records: tuple[Commit, ...]


def delete_commits(
    store: Store, commits: Iterable[Commit], cites: Cites, *, force: bool
) -> Deleted:
    """Delete commits with their jobs; children and branches go over to their parents.

    Raises UsageError that lists the commits that cite them, unless `force`.
    """
    leaving: Leaving = {(commit.repo, commit.id): commit for commit in commits}
    with store.lock.alone(), store.database.transaction():
        citing = _citing(store, leaving, cites)
        if citing and not force:
            _refuse(leaving, citing)
        cited = [leaving[name] for name in citing]
        gone = [commit for name, commit in leaving.items() if name not in citing]
        for commit in cited:
            _leave_history(store, commit)
            store.mark_purged(commit, DELETED, time.time())
        for commit in gone:
            _leave_history(store, commit)
            _delete(store, commit)
    return Deleted((*gone, *cited), tuple(cited))


def delete_branch(store: Store, repo: str, branch: str) -> None:
    """Delete a branch; its commits stay. Raises UsageError if there is none of that name."""
    if store.head(repo, branch) is None:
        raise UsageError("Expected a branch.", received=f"{repo}@{branch}", hint="ibid repos")
    store.database.execute(
        "DELETE FROM branches WHERE project = ? AND repo = ? AND name = ?",
        (store.project, repo, branch),
    )


def _citing(store: Store, leaving: Leaving, cites: Cites) -> dict[Name, list[str]]:
    """Name the commits that stay and cite some that leave."""
    found: dict[Name, list[str]] = {}
    for repo in store.repos():
        for commit in store.history(repo):
            if (repo, commit.id) in leaving:
                continue
            for cause in cites(commit.provenance).causes:
                if (cause.repo, cause.commit) in leaving:
                    found.setdefault((cause.repo, cause.commit), []).append(commit.address)
    return found


def _refuse(leaving: Leaving, citing: dict[Name, list[str]]) -> None:
    lines = [
        f"{leaving[name].address} is cited by {', '.join(by[:SHOWN])}"
        + (f" and {len(by) - SHOWN} more" if len(by) > SHOWN else "")
        for name, by in citing.items()
    ]
    raise UsageError(
        "Expected nothing to cite what is deleted.",
        received="\n".join(lines),
        hint="delete what cites it first; --force deletes it all the same, and keeps its record",
    )


def _leave_history(store: Store, commit: Commit) -> None:
    """Let children and branches go over to a commit's parent."""
    here = (store.project, commit.repo, commit.id)
    run = store.database.execute
    # Of a commit whose parent leaves too, the turn comes later: it then has the grandparent.
    parent = store.database.query(
        "SELECT parent FROM commits WHERE project = ? AND repo = ? AND id = ?", here
    )[0]["parent"]
    run("UPDATE commits SET parent = ? WHERE project = ? AND repo = ? AND parent = ?",
        (parent, *here))  # fmt: skip
    if parent is None:
        run("DELETE FROM branches WHERE project = ? AND repo = ? AND head = ?", here)
    else:
        run("UPDATE branches SET head = ? WHERE project = ? AND repo = ? AND head = ?",
            (parent, *here))  # fmt: skip


def _delete(store: Store, commit: Commit) -> None:
    here, run = (store.project, commit.repo, commit.id), store.database.execute
    run("DELETE FROM commits WHERE project = ? AND repo = ? AND id = ?", here)
    statements.forget(store, commit)
    run("DELETE FROM datums WHERE project = ? AND pipeline = ? AND job = ?", here)
    run("DELETE FROM jobs WHERE project = ? AND pipeline = ? AND id = ?", here)
