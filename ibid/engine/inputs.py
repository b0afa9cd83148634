"""Commits that people make: uploads, files, parameters, and what a repo starts with."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ibid.engine import record
from ibid.engine.project import Project
from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError, UsageError
from ibid.store import withdrawn
from ibid.store.commits import Commit, MovedError, Store, new_id
from ibid.store.trees import EMPTY, FOLDER, Entry


def put(
    project: Project, store: Store, repo: str, path: Path, *, replace: bool, again: bool = False
) -> Commit | None:
    """Commit a file or folder to an input repo; returns None if its bytes are there already.

    Args:
        project: says which repos take input, and how they are laid out.
        store: where to.
        repo: an input repo.
        path: what to commit. In a repo of uploads it becomes the folder `<sequence>-<name>`.
        replace: in a repo of uploads, take the place of the upload last put with `replace`, in the
            same commit; in a repo of files, of everything.
        again: take back files that were purged.

    Raises:
        UsageError: if the repo takes no input.
        BadInputError: if the path is missing or empty, or holds files that were purged.
    """
    if repo not in project.inputs:
        raise UsageError(
            f"Expected an input repo: {', '.join(project.inputs)}.",
            received=repo,
            hint="the other repos are outputs: pipelines commit to them",
        )
    if project.inputs[repo]["layout"] == "cron":
        raise UsageError("Expected a repo that people fill.", received=f"{repo}, a cron's ticks")
    if not path.exists():
        raise BadInputError("Expected a file or a folder to commit.", received=f"no {path}")
    with store.lock.shared():
        return _put(project, store, repo, path, replace=replace, again=again)


def _put(
    project: Project, store: Store, repo: str, path: Path, *, replace: bool, again: bool
) -> Commit | None:
    back = withdrawn.refuse_files(store, path.resolve(), again=again)
    added = store.trees.add(path.resolve())
    if added.digest == EMPTY:
        raise BadInputError("Expected a folder with files in it.", received=f"{path} is empty")
    if added.kind != FOLDER:
        added = store.trees.write_listing({path.name: added})
    arrange = _with_upload if project.inputs[repo]["layout"] == "uploads" else _with_files
    while True:
        head = store.head(repo)
        tree, facts = arrange(store, head, repo, added, path, replace)
        if head is not None and head.tree == tree.digest:
            withdrawn.forget(store, back)
            return None
        told = record.of_input(**facts)
        store.objects.sync()
        with contextlib.suppress(MovedError), store.database.transaction():  # else: look again
            withdrawn.forget(store, back)
            return store.show(repo, new_id(), tree, told, onto=head, added=added.digest)


def uploads(store: Store, repo: str) -> list[Entry]:
    """List the uploads that the newest commit holds, oldest first."""
    head = store.head(repo)
    return store.trees.read(head.tree) if head else []


def commit_params(
    store: Store, files: Mapping[str, bytes], overrides: tuple[str, ...]
) -> Commit | None:
    """Commit one file of parameters a pipeline; returns None if they are as they were."""
    with store.lock.shared():
        tree = store.trees.write_files(files)
        head = store.head("params")
        if head is not None and head.tree == tree.digest:
            return None
        return store.commit("params", new_id(), tree, record.of_input(overrides=list(overrides)))


def commit_initial(project: Project, store: Store) -> None:
    """Give each input repo that has none its first commit: a folder, or the default parameters."""
    declared = project.index["parameters"]
    if declared and store.head("params") is None:
        from ibid.spec import parameters  # Hydra, for a first run only

        composed = parameters.compose_for(project.root, project.folder, declared)
        files = parameters.files(composed, [*project.specs])
        _commit_first(store, "params", store.trees.write_files(files), overrides=[])
    for name, repo in project.inputs.items():
        if repo["initial"] and store.head(name) is None:
            tree = store.trees.add(project.folder / repo["initial"])
            _commit_first(store, name, tree, initial=True)


def _with_upload(
    store: Store, head: Commit | None, repo: str, added: Entry, path: Path, replace: bool
) -> tuple[Entry, dict[str, Any]]:
    """Add an upload, unless one holds its bytes already, and drop the one that it replaces."""
    tree = head.tree if head else EMPTY
    told = record.carried(head.provenance) if head else {}
    sequence, replaceable = told.get("sequence", 0), told.get("replaceable")
    there = _upload_of(store, tree, repo, added)
    changes: dict[str, Entry | None] = {}
    if replace and replaceable and there != replaceable:
        changes[replaceable] = None
        replaceable = None
    if there:
        return store.trees.update(tree, changes), _facts(sequence, replaceable)
    name = f"{sequence + 1:04d}-{_slug(path)}"
    changes[name] = Entry(name, FOLDER, added.digest, added.size)
    facts = _facts(sequence + 1, name if replace else replaceable)
    return store.trees.update(tree, changes), facts | {"upload": name}


def _facts(sequence: int, replaceable: str | None) -> dict[str, Any]:
    return {"sequence": sequence, "replaceable": replaceable}


def _upload_of(store: Store, tree: Digest, repo: str, added: Entry) -> str | None:
    """Name the upload that holds the very bytes already."""
    for commit in store.that_added(repo, added.digest):
        name: str | None = json.loads(commit.provenance).get("upload")
        entry = name and store.trees.find(tree, name)
        if entry and entry.digest == added.digest:
            return name
    return None


def _with_files(
    store: Store, head: Commit | None, _repo: str, added: Entry, _path: Path, replace: bool
) -> tuple[Entry, dict[str, Any]]:
    """Add files by their names, in place of those of equal names or of everything."""
    old = head.tree if head and not replace else EMPTY
    new = {entry.name: entry for entry in store.trees.read(added.digest)}
    return store.trees.update(old, new), {}


def _commit_first(store: Store, repo: str, tree: Entry, **facts: Any) -> None:
    """Make a repo's first commit, unless somebody has made one meanwhile: theirs is meant."""
    with contextlib.suppress(MovedError):
        store.commit(repo, new_id(), tree, record.of_input(**facts), onto=None)


def _slug(path: Path) -> str:
    """Make a folder's name from that of a path; only plain characters."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name).strip("-.") or "upload"
