"""The commits behind one, in the order of the DAG: each after those that it was made from."""

from graphlib import TopologicalSorter

from ibid.engine.record import cited
from ibid.store.bundle import lineage_of
from ibid.store.commits import Commit, CommitId, Store
from ibid.store.manifest import name_of

Name = tuple[str, CommitId]


def causes_of(commit: Commit) -> tuple[Name, ...]:
    """Name the commits that an output was made from; an input was made from none."""
    return tuple((cause.repo, cause.commit) for cause in cited(commit.provenance).causes)


def chain(store: Store, commit: Commit) -> list[Commit]:
    """List a commit and all that it was made from; raises BadInputError if a part is purged."""
    found = {name_of(each): each for each in reversed(lineage_of(store, commit, cited))}
    order = TopologicalSorter({name: causes_of(each) for name, each in found.items()})
    return [found[name] for name in order.static_order()]
