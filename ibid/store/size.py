"""How much a store holds: what people see, what is really there, what nothing needs any more."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ibid.spec.preimage import Digest
from ibid.store.commits import Store
from ibid.store.gc import Swept
from ibid.store.home import Home
from ibid.store.reach import Cites, reached


@dataclass(frozen=True, slots=True)
class RepoSize:
    """One repo: `logical` counts every file of every commit, `unique` each object once."""

    repo: str
    commits: int
    logical: int
    unique: int
    objects: int


@dataclass(frozen=True, slots=True)
class Size:
    """A whole home, in bytes.

    `state` is what stages keep to go on from; `free` is what gc would remove.
    """

    repos: tuple[RepoSize, ...]
    logical: int
    unique: int
    objects: int
    logs: int
    database: int
    quarantine: int
    state: int
    free: Swept

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def measure(home: Home, store: Store, cites: Cites) -> Size:
    """Measure a home: the repos of the store's project, everything else in all."""
    with store.lock.shared():
        sizes = {digest: path.stat().st_size for digest, path in store.objects.all()}
        repos = tuple(_repo(store, repo, sizes) for repo in store.repos())
        kept = reached(store, cites)
        # What is half written now is somebody's work: only what nothing cites is garbage.
        freed = [sizes[digest] for digest in sizes.keys() - kept]
    return Size(
        repos=repos,
        logical=sum(repo.logical for repo in repos),
        unique=sum(sizes.values()) - sum(freed),
        objects=len(sizes) - len(freed),
        logs=_below(home.logs),
        database=sum(path.stat().st_size for path in home.path.glob("ibid.db*")),
        quarantine=_below(home.quarantine),
        state=_below(home.state),
        free=Swept(len(freed), sum(freed)),
    )


def _repo(store: Store, repo: str, sizes: dict[Digest, int]) -> RepoSize:
    commits = store.history(repo)
    seen: set[str] = set()
    unique = {
        digest
        for commit in commits
        if not commit.gone
        for _, digest in store.trees.objects_of(commit.tree, seen)
    }
    logical = sum(commit.size for commit in commits if not commit.gone)
    # A file that was purged is in the tree and not in the store.
    held = [sizes[digest] for digest in unique if digest in sizes]
    return RepoSize(repo, len(commits), logical, sum(held), len(held))


def _below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
