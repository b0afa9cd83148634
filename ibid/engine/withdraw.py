"""Withdraw files from input repos: new commits without them, and nothing else is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ibid.engine import record
from ibid.engine.project import Project
from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError, UsageError
from ibid.store.commits import Commit, MovedError, Store, new_id
from ibid.store.reach import Below
from ibid.store.trees import FILE, Entry, Trees


@dataclass(frozen=True, slots=True)
class Target:
    """A file or folder of an input repo that is to go."""

    repo: str
    path: str
    entry: Entry


def remove(project: Project, store: Store, targets: Sequence[Target]) -> list[Commit]:
    """Commit each repo without some of its files; returns the new commits.

    What is not in the newest commit any more makes no commit. Raises UsageError for a repo that is
    no input.
    """
    for target in targets:
        if target.repo not in project.inputs:
            raise UsageError(
                f"Expected files of an input repo: {', '.join(project.inputs)}.",
                received=f"{target.repo}:{target.path}",
                hint="outputs are made anew by a run; ibid delete removes a commit",
            )
    made: list[Commit] = []
    with store.lock.shared():
        for repo in dict.fromkeys(target.repo for target in targets):
            leaving = [target for target in targets if target.repo == repo]
            made += filter(None, [_remove(store, repo, leaving)])
    return made


def files_of(store: Store, targets: Sequence[Target]) -> dict[Digest, int]:
    """List the files below targets with their sizes."""
    files: dict[Digest, int] = {}
    for target in targets:
        if target.entry.kind == FILE:
            files[target.entry.digest] = target.entry.size
        else:
            inner = (entry for _, entry in store.trees.walk(target.entry.digest))
            files |= {entry.digest: entry.size for entry in inner if entry.kind == FILE}
    return files


def refuse_living(store: Store, files: dict[Digest, int], leaving: Sequence[Target] = ()) -> None:
    """Refuse to purge what the newest commit of an input repo holds elsewhere too.

    `leaving` is what is about to be removed from there, of this project. Raises BadInputError.
    """
    below = Below(store.trees, files)
    found = []
    for each in store.projects():
        for repo in each.repos():
            head = each.head(repo)
            if head is None or head.gone or record.cited(head.provenance).trees:
                continue
            if below(head.tree):
                own = leaving if each.project == store.project else ()
                gone = _held(store.trees, head, [t for t in own if t.repo == repo])
                found += [
                    f"{repo}:{path}"
                    for path, entry in each.trees.walk(head.tree)
                    if entry.kind == FILE
                    and entry.digest in files
                    and not any(path == g or path.startswith(f"{g}/") for g in gone)
                ]
    if found:
        raise BadInputError(
            "Expected the same bytes nowhere else in the newest commit of an input repo.",
            received="\n".join(found),
            hint=f"withdraw them too: ibid rm … {' '.join(found[:3])} --purge",
        )


def _held(trees: Trees, head: Commit, targets: Sequence[Target]) -> list[str]:
    """List the paths of targets that a commit holds as they are meant: others are newer files."""
    if head.gone:
        return []
    found = ((target, trees.find(head.tree, target.path)) for target in targets)
    return [t.path.rstrip("/") for t, there in found if there and there.digest == t.entry.digest]


def _remove(store: Store, repo: str, targets: Sequence[Target]) -> Commit | None:
    while True:
        head = store.resolve(repo)
        paths = _held(store.trees, head, targets)
        tree = Entry("", "folder", head.tree, head.size)
        for path in paths:
            tree = _without(store.trees, tree, path.strip("/").split("/"))
        if tree.digest == head.tree:
            return None
        provenance = record.of_input(removed=paths, **record.carried(head.provenance))
        try:
            return store.commit(repo, new_id(), tree, provenance, onto=head)
        except MovedError:  # somebody else has committed meanwhile: look again
            continue


def _without(trees: Trees, folder: Entry, names: list[str]) -> Entry:
    """Return a folder without one path below it; as it is, if it does not hold it."""
    name, *deeper = names
    entry = trees.find(folder.digest, name)
    if entry is None or (deeper and entry.kind == FILE):
        return folder
    inner = replace(_without(trees, entry, deeper), name=name) if deeper else None
    return trees.update(folder.digest, {name: inner})
