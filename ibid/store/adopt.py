"""Take in commits from another store: all that they need is checked, then all are shown at once."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from ibid.spec.preimage import Digest, is_digest
from ibid.stage.contract import BadInputError
from ibid.store import withdrawn
from ibid.store.commits import DELETED, FILES, MASTER, Commit, CommitId, Store
from ibid.store.manifest import name_of
from ibid.store.objects import MissingObjectError
from ibid.store.reach import Below, Cited, Cites, commit_roots, purged_digests
from ibid.store.trees import FILE


@dataclass(frozen=True, slots=True)
class Adopted:
    """The commits that are new here, and the repos whose branch they did not move."""

    commits: tuple[Commit, ...]
    apart: tuple[str, ...]


def needed(
    store: Store, commits: Iterable[Commit], cites: Cites, lost: Container[Digest] = ()
) -> set[Digest]:
    """List the objects that commits hang on, but for files that were purged, `lost` among them."""
    commits, cites, seen = list(commits), checking(cites), set[str]()
    gone = purged_digests(store)
    found: set[Digest] = set()
    for root in commit_roots(commits, cites):
        below = {digest for _, digest in store.trees.objects_of(root.tree, seen)}
        found |= {d for d in below - gone.keys() if d not in lost} if root.purged else below
    return found | {d for commit in commits for d in cites(commit.provenance).objects}


def adopt(
    store: Store, commits: Sequence[Commit], cites: Cites, back: Iterable[Digest] = ()
) -> Adopted:
    """Show commits whose objects are in the store; those that are here already stay as they are.

    One that was deleted here and left its record is whole again. A branch moves if it is new, or if
    its head is among the ancestors of what came. `back` are files that were purged here and are
    taken back.

    Raises:
        BadInputError: if a commit of that name is another one here, or if one lacks an object, or
            a commit that it was made from. Then nothing is shown.
    """
    cites = checking(cites)
    back = list(back)
    store.objects.sync()
    while (adopted := _adopt(store, commits, cites, back)) is None:
        pass  # another process has shown or deleted one of them meanwhile: look again
    return adopted


def _adopt(
    store: Store, commits: Sequence[Commit], cites: Cites, back: Iterable[Digest]
) -> Adopted | None:
    there = {name_of(c): store.get(*name_of(c)) for c in commits}
    _refuse_others(commits, there)
    new = [_marked(store, c) for c in commits if is_news(c, there[name_of(c)])]
    new.sort(key=lambda commit: (commit.created, commit.repo))
    known = {name_of(commit) for commit in new}
    for commit in new:
        for cause in cites(commit.provenance).causes:
            if (cause.repo, cause.commit) not in known and not store.get(cause.repo, cause.commit):
                raise BadInputError(
                    f"Expected what {commit.address} was made from.",
                    received=f"no {cause.repo}@{cause.commit}",
                )
    lost = _refuse_partial(store, new, cites)
    with store.database.transaction():
        if there != {name_of(c): store.get(*name_of(c)) for c in commits}:
            return None
        withdrawn.forget(store, back)
        for at, files in lost:
            withdrawn.remember(store, files.items(), at)
        for commit in new:
            if there[name_of(commit)]:
                store.mark_purged(commit, commit.purged, commit.purged_at)
                continue
            known_parent = commit.parent and (
                (commit.repo, commit.parent) in known or store.get(commit.repo, commit.parent)
            )
            added = _added(store, commit, cites)
            store.insert(
                replace(commit, parent=commit.parent if known_parent else None, added=added)
            )
        living = [commit for commit in new if commit.purged != DELETED]
        apart = [repo for repo in {c.repo for c in living} if not _move(store, repo, living)]
        return Adopted(tuple(new), tuple(sorted(apart)))


def is_news(commit: Commit, here: Commit | None) -> bool:
    """Tell whether a commit is not here, or is deleted here and comes with its bytes."""
    return here is None or (here.purged == DELETED and not commit.gone)


def _added(store: Store, commit: Commit, cites: Cites) -> Digest | None:
    """Find what a commit brought by its name, so that the same bytes are known when put again."""
    name = cites(commit.provenance).added
    entry = store.trees.find(commit.tree, name) if name and not commit.gone else None
    return entry.digest if entry else None


def checking(cites: Cites) -> Cites:
    """Let records from elsewhere cite digests alone; raises BadInputError for any other record."""

    def checked(provenance: str) -> Cited:
        try:
            cited = cites(provenance)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadInputError(
                "Expected the record of a commit.", received=f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(cited.added, str | None):
            raise BadInputError("Expected the name of an upload.", received=cited.added)
        for digest in (*cited.objects, *cited.trees, *(c.digest for c in cited.causes)):
            if not is_digest(digest):
                raise BadInputError("Expected a record that cites digests.", received=digest)
        return cited

    return checked


def _refuse_others(
    commits: Sequence[Commit], there: dict[tuple[str, CommitId], Commit | None]
) -> None:
    for commit in commits:
        here = there[name_of(commit)]
        if here and (here.tree, here.provenance) != (commit.tree, commit.provenance):
            raise BadInputError(
                f"Expected {commit.repo}@{commit.id} to be the commit that is here.",
                received=f"{commit.tree}, here it is {here.tree}"
                if here.tree != commit.tree
                else f"the record {commit.provenance}\nhere it is {here.provenance}",
            )


def _refuse_partial(
    store: Store, new: Sequence[Commit], cites: Cites
) -> list[tuple[float, dict[Digest, int]]]:
    """Refuse commits that lack an object; returns the files that were purged elsewhere, and when.

    A file of a commit that was purged is one of those if it did not come.
    """
    lost: list[tuple[float, dict[Digest, int]]] = []
    try:
        for commit in new:
            if commit.purged == FILES:
                lost.append((commit.purged_at or commit.created, _absent(store, commit)))
        gone = {digest for _, files in lost for digest in files}
        lacking = sorted(d for d in needed(store, new, cites, gone) if d not in store.objects)
    except MissingObjectError as error:
        lacking = [Digest(str(error.received))]
    if lacking:
        raise BadInputError("Expected every object of the commits.", received=f"no {lacking[0]}")
    return lost


def _absent(store: Store, commit: Commit) -> dict[Digest, int]:
    files = (entry for _, entry in store.trees.walk(commit.tree) if entry.kind == FILE)
    return {e.digest: e.size for e in files if e.digest not in store.objects}


def _marked(store: Store, commit: Commit) -> Commit:
    """Mark a commit that holds files which were purged here: they do not come back with it."""
    gone = purged_digests(store)
    if commit.gone or not gone:
        return commit
    absent = [digest for digest in gone if digest not in store.objects]
    found = Below(store.trees, absent)(commit.tree)
    if not found:
        return commit
    return replace(commit, purged=FILES, purged_at=max(gone[digest] for digest in found))


def _move(store: Store, repo: str, new: Sequence[Commit]) -> bool:
    """Move a repo's branch to the newest of what came, if that loses nothing."""
    newest = max((c for c in new if c.repo == repo), key=lambda commit: commit.created)
    head = store.head(repo)
    ancestor: Commit | None = store.get(repo, newest.id)
    while head is not None and ancestor is not None and ancestor.id != head.id:
        ancestor = store.get(repo, ancestor.parent) if ancestor.parent else None
    if ancestor is None:
        return False
    store.set_branch(repo, MASTER, newest.id)
    return True
