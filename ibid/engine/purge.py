"""Purge files from all history, with every output that was made from them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibid.engine import record, scratch, state
from ibid.engine.citing import Citing
from ibid.engine.project import Project
from ibid.engine.withdraw import Target, files_of, refuse_living
from ibid.spec.preimage import Digest
from ibid.store import gc, statements, withdrawn
from ibid.store.commits import FILES, WHOLE, Store
from ibid.store.home import Waiting
from ibid.store.reach import Below, commit_roots, result_roots


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge did: the commits that cited the files, what went, and what it cannot reach."""

    files: dict[Digest, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    results: int
    logs: int
    swept: gc.Swept
    held_by: tuple[str, ...]
    unreached: tuple[str, ...]


def purge(project: Project, store: Store, targets: Sequence[Target], waiting: Waiting) -> Purge:
    """Remove files from all history, with every output that was made from them.

    The records of those outputs stay, marked as purged. What only they held goes, so do the cached
    results that saw the files, the logs of their jobs, and those that are no job's.

    Raises:
        BadInputError: if the newest commit of an input repo holds the same bytes elsewhere, or the
            store is not whole; then nothing is purged.
    """
    with project.home.run_lock(waiting), store.lock.alone():
        files = files_of(store, targets)
        refuse_living(store, files)
        gc.collect(store, record.cited, dry_run=True)  # refuses a store that is not whole
        citing = Citing(store, files)
        results = _mark(store, citing, files, time.time())
        logs = _forget_words(project, store, citing)
        swept = gc.collect(store, record.cited)
        scratch.clear(project.home)
        state.clear(project.home)  # who may have learnt from the files is not told there
        for digest in citing.files:
            (project.home.quarantine / digest).unlink(missing_ok=True)
        scrubbed = store.database.scrub()
        return Purge(
            files=files,
            inputs=tuple(commit.address for _, commit in citing.inputs),
            outputs=tuple(commit.address for _, commit in citing.outputs),
            results=results,
            logs=logs,
            swept=swept,
            held_by=_held_by(store, files),
            unreached=tuple(_unreached(project, scrubbed)),
        )


def _mark(store: Store, citing: Citing, files: dict[Digest, int], at: float) -> int:
    """Mark what cited the files, in one transaction; returns the count of results dropped."""
    marks = [(FILES, *pair) for pair in citing.inputs] + [(WHOLE, *p) for p in citing.outputs]
    with store.database.transaction():
        store.database.execute("PRAGMA secure_delete = ON")
        withdrawn.remember(store, files.items(), at)
        for how, owner, commit in marks:
            if not commit.gone:
                owner.mark_purged(commit, how, at)
                statements.forget(owner, commit)
        rows = store.database.query("SELECT key FROM results")
        unclean = [(row["key"],) for row in rows if row["key"] not in citing.clean]
        store.database.execute_many("DELETE FROM results WHERE key = ?", unclean)
    return len(unclean)


def _forget_words(project: Project, store: Store, citing: Citing) -> int:
    """Remove what the jobs that may have seen the files have printed; returns of how many."""
    first = min((commit.created for _, commit in citing.inputs), default=0.0)
    touched = {(owner.project, commit.repo, commit.id) for owner, commit in citing.outputs}
    rows = store.database.query(
        "SELECT j.project, j.pipeline, j.id, j.finished, c.id AS output FROM jobs j "
        "LEFT JOIN commits c ON c.project = j.project AND c.repo = j.pipeline AND c.id = j.id"
    )
    forgotten = 0
    for row in rows:
        name = (row["project"], row["pipeline"], row["id"])
        # A job that gave no commit may have seen anything that there was.
        before = row["finished"] is not None and row["finished"] < first
        if name in touched or (row["output"] is None and not before):
            _forget_job(project, store, name)
            forgotten += 1
    strays = stray_logs(project, store)
    for path in strays:
        scratch.remove(path)
    return forgotten + len(strays)


def stray_logs(project: Project, store: Store) -> list[Path]:
    """List the logs that no job on record has printed: of one that was deleted, of an audit."""
    rows = store.database.query("SELECT pipeline || '@' || id AS name FROM jobs")
    known = {row["name"] for row in rows}
    logs = project.home.logs
    found = sorted(logs.iterdir()) if logs.is_dir() else []
    return [path for path in found if path.name not in known]


def _forget_job(project: Project, store: Store, name: tuple[Any, ...]) -> None:
    _, pipeline, job = name
    logs = project.home.logs_of(pipeline, job)
    if logs.exists():
        scratch.remove(logs)
    with store.database.transaction():
        for table, column in (("jobs", "id"), ("datums", "job")):
            log = ", log = '', log_start = 0, log_end = 0" if table == "datums" else ""
            store.database.execute(
                f"UPDATE {table} SET error = CASE error WHEN '' THEN '' ELSE 'purged' END{log} "  # noqa: S608
                f"WHERE project = ? AND pipeline = ? AND {column} = ?",
                name,
            )


def _held_by(store: Store, files: dict[Digest, int]) -> tuple[str, ...]:
    """Name what holds the same bytes and was not made from the files: they are still there."""
    below = Below(store.trees, files)
    commits = [c for each in store.projects() for r in each.repos() for c in each.history(r)]
    roots = [*commit_roots(commits, record.cited), *result_roots(store)]
    return tuple(root.by for root in roots if not root.purged and below(root.tree))


def _unreached(project: Project, scrubbed: bool) -> list[str]:
    """Name what a purge does not reach."""
    home = project.home.path
    services: list[Path] = sorted(home.glob("service-*"))
    backups: list[Path] = sorted(home.glob("ibid.db.format-*"))
    deployed = [project.home.deployed] if project.home.deployed.exists() else []
    return [
        "files that ibid export, get or report has written, and remotes that were pushed to",
        *(f"{path}: copies that could not be removed" for path in scratch.leftovers(project.home)),
        *(
            []
            if scrubbed
            else [f"{home}/ibid.db-wal, which another process reads: call this again"]
        ),
        *(f"{path}: the copies of a service; end it" for path in services),
        *(f"{path}: the words of old jobs; remove it" for path in backups),
        *(f"{path}: what was deployed; ibid run deploys anew" for path in deployed),
    ]
