"""What stages keep of datums that are not done, to go on from: a folder each.

It outlives the process and the run. It goes when its datum has succeeded, when its pipeline has
other datums to run, and with a purge. No key and no digest knows of it.
"""

from collections.abc import Collection
from pathlib import Path

from ibid.engine import scratch
from ibid.spec.preimage import Digest
from ibid.store.commits import Store
from ibid.store.home import Home
from ibid.store.jobs import Jobs


class States:
    """The folders of one pipeline's datums, by their keys; one run at a time uses them."""

    def __init__(self, home: Home, store: Store, pipeline: str) -> None:
        self._jobs = Jobs(store)
        self._folder = _of(home, store) / pipeline

    def begin(self, keys: Collection[Digest]) -> None:
        """Remove what was kept of datums that are no longer the pipeline's to run."""
        for folder in _folders(self._folder):
            if folder.name not in keys:
                scratch.remove(folder)

    def make(self, key: Digest) -> Path:
        """Return a datum's folder, with what was kept in it before."""
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def settle(self) -> None:
        """Remove what is kept of datums that have a result, and folders in which nothing is."""
        kept = _folders(self._folder)
        done = self._jobs.results(folder.name for folder in kept)
        for folder in kept:
            if folder.name in done or not any(folder.iterdir()):
                scratch.remove(folder)
        if kept and not _folders(self._folder):
            self._folder.rmdir()


def settle(home: Home, store: Store) -> None:
    """Settle every pipeline, as a run that was killed may not have; holds the run's lock."""
    for folder in _folders(_of(home, store)):
        States(home, store, folder.name).settle()


def clear(home: Home, *, dry_run: bool = False) -> int:
    """Remove all that is kept, of every project of the home; returns its bytes.

    The caller holds the run's lock. With `dry_run`, only count.
    """
    size = sum(path.stat().st_size for path in home.state.rglob("*") if path.is_file())
    if not dry_run:
        scratch.remove(home.state)
    return size


def _of(home: Home, store: Store) -> Path:
    return home.state / store.project


def _folders(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
