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

_NUMBER = re.compile(r"\d+(?=-)")


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
        if _holds(head, tree):
            store.objects.sync()  # it may have written what was lost
            withdrawn.forget(store, back)
            return None
        told = record.of_input(**facts)
        store.objects.sync()
        with contextlib.suppress(MovedError), store.database.transaction():  # else: look again
            withdrawn.forget(store, back)
            return store.show(repo, new_id(), tree, told, onto=head, added=added.digest)


def uploads(store: Store, repo: str) -> list[Entry]:
    """List the uploads that the newest commit holds, oldest first."""
    return store.trees.read(_tree_of(store.head(repo)))


def commit_params(
    store: Store, files: Mapping[str, bytes], overrides: tuple[str, ...]
) -> Commit | None:
    """Commit one file of parameters a pipeline; returns None if they are as they were."""
    with store.lock.shared():
        tree = store.trees.write_files(files)
        head = store.head("params")
        if _holds(head, tree):
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
    tree = _tree_of(head)
    sequence, replaceable = _numbering(store, head, repo)
    there = _upload_of(store, tree, repo, added)
    changes: dict[str, Entry | None] = {}
    if replace and replaceable and there != replaceable:
        changes[replaceable] = None
        replaceable = None
    if there:
        return store.trees.update(tree, changes), _facts(sequence, replaceable)
    sequence += 1
    while store.trees.find(tree, name := f"{sequence:04d}-{_slug(path)}"):
        sequence += 1  # somebody's own name: never written over
    changes[name] = Entry(name, FOLDER, added.digest, added.size)
    facts = _facts(sequence, name if replace else replaceable)
    return store.trees.update(tree, changes), facts | {"upload": name}


def _numbering(store: Store, head: Commit | None, repo: str) -> tuple[int, str | None]:
    """Tell the highest number ever given, and the upload that `put --replace` takes away.

    The newest record says both, unless what has made it knew of none: then all before are asked.
    """
    told = record.carried(head.provenance) if head else {}
    if "sequence" in told:
        return told["sequence"], told.get("replaceable")
    records = [json.loads(commit.provenance) for commit in store.history(repo)]
    names = [entry.name for entry in store.trees.read(_tree_of(head))]
    names += [record["upload"] for record in records if "upload" in record]
    numbers = [int(found[0]) for found in map(_NUMBER.match, names) if found]
    numbers += [record["sequence"] for record in records if "sequence" in record]
    # The newest that knows of one; of the first format it says only that it is its own upload.
    known = (record for record in records if "sequence" in record or record.get("replaceable"))
    newest: dict[str, Any] = next(known, {})
    replaceable = newest.get("replaceable" if "sequence" in newest else "upload")
    return max(numbers, default=0), replaceable


def _tree_of(head: Commit | None) -> Digest:
    """Return what a branch holds; one whose head is purged in whole holds nothing."""
    return EMPTY if head is None or head.gone else head.tree


def _holds(head: Commit | None, tree: Entry) -> bool:
    return head is not None and not head.gone and head.tree == tree.digest


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
    old = EMPTY if replace else _tree_of(head)
    new = {entry.name: entry for entry in store.trees.read(added.digest)}
    return store.trees.update(old, new), {}


def _commit_first(store: Store, repo: str, tree: Entry, **facts: Any) -> None:
    """Make a repo's first commit, unless somebody has made one meanwhile: theirs is meant."""
    with contextlib.suppress(MovedError):
        store.commit(repo, new_id(), tree, record.of_input(**facts), onto=None)


def _slug(path: Path) -> str:
    """Make a folder's name from that of a path; only plain characters."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name).strip("-.") or "upload"
