"""What the store cites: every object that a commit, a record about one, or a result hangs on.

What a record cites is not for the store to know: it is told by `cites`.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from ibid.spec.preimage import Digest
from ibid.store.commits import FILES, Commit, CommitId, Store
from ibid.store.objects import MissingObjectError
from ibid.store.trees import FOLDER, Entry, Trees


@dataclass(frozen=True, slots=True)
class Cause:
    """A commit that a record cites, and the digest that it says the commit had."""

    repo: str
    commit: CommitId
    digest: Digest


@dataclass(frozen=True, slots=True)
class Cited:
    """What the record of one commit cites: objects, trees, and the commits that caused it.

    `added` is the name in its tree of the upload that it brought.
    """

    objects: tuple[Digest, ...] = ()
    trees: tuple[Digest, ...] = ()
    causes: tuple[Cause, ...] = ()
    added: str | None = None


Cites = Callable[[str], Cited]


@dataclass(frozen=True, slots=True)
class Root:
    """A tree from which objects are reached, and who cites it; `purged`: files that are gone."""

    tree: Digest
    by: str
    purged: bool = False


def everywhere(store: Store) -> Iterator[tuple[Store, Commit]]:
    """List the commits of all projects of the home, in the order in which they were made."""
    for each in store.projects():
        for repo in each.repos():
            for commit in reversed(each.history(repo)):
                yield each, commit


def commit_roots(commits: Iterable[Commit], cites: Cites) -> Iterator[Root]:
    """List the trees that commits hang on: their own, unless purged, and those of their code."""
    for commit in commits:
        if not commit.gone:
            yield Root(commit.tree, commit.address, purged=commit.purged == FILES)
        for tree in cites(commit.provenance).trees:
            yield Root(tree, f"the code of {commit.address}")


def result_roots(store: Store, without: Container[str] = ()) -> Iterator[Root]:
    """List the trees of cached results, but for those of some keys."""
    for row in store.database.query("SELECT key, tree FROM results"):
        if row["key"] not in without:
            yield Root(Digest(row["tree"]), f"the cached result {row['key'][:12]}")


def reached(
    store: Store,
    cites: Cites,
    without: Container[str] = (),
    within: Container[Digest] | None = None,
) -> set[Digest]:
    """Collect every object that must be kept.

    Files that were purged do not count, unless a commit that is whole holds them again.

    Args:
        store: any store of the home; all of its projects count.
        cites: says what a record cites.
        without: the keys of cached results that do not count.
        within: the objects that can be read; what hangs on another is not known. Default: all.

    Raises:
        MissingObjectError: where a tree cannot be read, unless `within` says so.
    """
    commits = [commit for _, commit in everywhere(store)]
    roots = [*commit_roots(commits, cites), *result_roots(store, without)]
    seen: set[str] = set()

    def below(purged: bool) -> set[Digest]:
        trees = (root.tree for root in roots if root.purged == purged)
        return {d for tree in trees for _, d in store.trees.objects_of(tree, seen, within)}

    # What is whole first: then purged files are left out only where nothing whole holds them.
    whole = below(purged=False)
    partly = below(purged=True) - purged_digests(store).keys()
    records = (digest for commit in commits for digest in cites(commit.provenance).objects)
    return whole | partly | set(records)


def purged_digests(store: Store) -> dict[Digest, float]:
    """List the files that were purged, and when."""
    rows = store.database.query("SELECT digest, at FROM purged")
    return {Digest(row["digest"]): row["at"] for row in rows}


class Below:
    """Which of some digests a tree hangs on; what it found below a tree it remembers.

    `within` are the objects that can be read.
    """

    def __init__(
        self, trees: Trees, wanted: Iterable[Digest], within: Container[Digest] | None = None
    ) -> None:
        self._trees, self._wanted, self._within = trees, frozenset(wanted), within
        self._known: dict[Digest, frozenset[Digest]] = {}

    def __call__(self, tree: Digest) -> frozenset[Digest]:
        """Return the wanted digests that a tree hangs on, itself among them."""
        if tree not in self._known:
            self._known[tree] = self._wanted & {tree} | self._inside(tree)
        return self._known[tree]

    def entry(self, entry: Entry) -> frozenset[Digest]:
        """Return the wanted digests that a file or a folder hangs on."""
        return self(entry.digest) if entry.kind == FOLDER else self._wanted & {entry.digest}

    def _inside(self, tree: Digest) -> set[Digest]:
        if self._within is not None and tree not in self._within:
            return set()
        try:
            entries = self._trees.read(tree)
        except MissingObjectError:  # a part of a folder, itself an object, cannot be read
            parts = self._trees.objects_of(tree, set(), self._within)
            return {digest for _, digest in parts} & self._wanted
        return {digest for entry in entries for digest in self.entry(entry)}
