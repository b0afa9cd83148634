"""Commits that people make: uploads, files, parameters, and what a repo starts with."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ibid.engine import record
from ibid.engine.project import Project
from ibid.stage.contract import BadInputError, UsageError
from ibid.store import withdrawn
from ibid.store.commits import Commit, MovedError, Store, new_id
from ibid.store.trees import EMPTY, FOLDER, Entry

_UPLOAD = re.compile(r"(\d+)-(.+)")


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
    if not path.exists():
        raise BadInputError("Expected a file or a folder to commit.", received=f"no {path}")
    with store.lock.shared():
        return _put(project, store, repo, path, replace=replace, again=again)


def _put(
    project: Project, store: Store, repo: str, path: Path, *, replace: bool, again: bool
) -> Commit | None:
    withdrawn.refuse_files(store, path.resolve(), again=again)
    added = store.trees.add(path.resolve())
    if added.digest == EMPTY:
        raise BadInputError("Expected a folder with files in it.", received=f"{path} is empty")
    if added.kind != FOLDER:
        added = store.trees.write_listing({path.name: added})
    arrange = _with_upload if project.inputs[repo]["layout"] == "uploads" else _with_files
    while True:
        head = store.head(repo)
        tree, provenance = arrange(store, repo, added, path, replace)
        if head is not None and head.tree == tree.digest:
            return None
        with contextlib.suppress(MovedError):  # another `put` came between: look again
            return store.commit(repo, new_id(), tree, provenance, onto=head)


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
        return _commit(store, "params", tree, record.of_input(overrides=list(overrides)))


def commit_initial(project: Project, store: Store) -> None:
    """Give each input repo that has none its first commit: a folder, or the default parameters."""
    declared = project.index["parameters"]
    if declared and store.head("params") is None:
        from ibid.spec import parameters  # Hydra, for a first run only

        composed = parameters.compose_for(project.root, project.folder, declared)
        commit_params(store, parameters.files(composed, [*project.specs]), ())
    for name, repo in project.inputs.items():
        if repo["initial"] and store.head(name) is None:
            tree = store.trees.add(project.folder / repo["initial"])
            _commit(store, name, tree, record.of_input(initial=True))


def _with_upload(
    store: Store, repo: str, added: Entry, path: Path, replace: bool
) -> tuple[Entry, str]:
    """Add an upload, unless one holds its bytes already, and drop the one that it replaces."""
    there = uploads(store, repo)
    replaced = _replaceable(store, repo) if replace else None
    if any(upload.name == replaced and upload.digest == added.digest for upload in there):
        return store.trees.write(there), record.of_input()
    kept = [upload for upload in there if upload.name != replaced]
    if any(upload.digest == added.digest for upload in kept):
        return store.trees.write(kept), record.of_input()
    name = f"{_next_number(store, repo):04d}-{_slug(path)}"
    tree = store.trees.write([*kept, Entry(name, FOLDER, added.digest, added.size)])
    return tree, record.of_input(upload=name, replaceable=replace)


def _with_files(
    store: Store, repo: str, added: Entry, _path: Path, replace: bool
) -> tuple[Entry, str]:
    """Add files by their names, in place of those of equal names or of everything."""
    head = store.head(repo)
    old = {} if replace or head is None else {e.name: e for e in store.trees.read(head.tree)}
    new = {entry.name: entry for entry in store.trees.read(added.digest)}
    return store.trees.write_listing(old | new), record.of_input()


def _commit(store: Store, repo: str, tree: Entry, provenance: str) -> Commit | None:
    head = store.head(repo)
    if head is not None and head.tree == tree.digest:
        return None
    return store.commit(repo, new_id(), tree, provenance)


def _records(store: Store, repo: str) -> list[dict[str, Any]]:
    return [json.loads(commit.provenance) for commit in store.history(repo)]


def _replaceable(store: Store, repo: str) -> str | None:
    """Name the upload that was last put with `replace`, if it is still there."""
    there = {upload.name for upload in uploads(store, repo)}
    names = (r["upload"] for r in _records(store, repo) if r.get("replaceable"))
    return next((name for name in names if name in there), None)


def _next_number(store: Store, repo: str) -> int:
    """Return a sequence number above all that were ever given: the latest has the highest."""
    names = [r.get("upload", "") for r in _records(store, repo)]
    return max((int(found[1]) for name in names if (found := _UPLOAD.match(name))), default=0) + 1


def _slug(path: Path) -> str:
    """Make a folder's name from that of a path; only plain characters."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name).strip("-.") or "upload"
