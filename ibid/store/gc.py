"""Remove what nothing cites: mark what commits, records and results hang on, sweep the rest."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from ibid.stage.contract import BadInputError
from ibid.store.commits import Commit, Store
from ibid.store.objects import MissingObjectError
from ibid.store.reach import Cites, everywhere, reached

Keys = Callable[[Store, Commit], set[str]]


@dataclass(frozen=True, slots=True)
class Swept:
    """What was removed, or would be: objects and files left half written, their bytes, results."""

    objects: int
    bytes: int
    results: int = 0


def collect(
    store: Store, cites: Cites, *, results: Keys | None = None, dry_run: bool = False
) -> Swept:
    """Remove every object that nothing cites.

    Waits until nobody writes: what is written is cited only later.

    Args:
        store: any store of the home; all of its projects count.
        cites: says what a record cites.
        results: tells the keys of a commit's datums: drop the results that no commit has first.
        dry_run: only say what would be removed.

    Raises:
        BadInputError: if a tree cannot be read; then nothing is removed, as all that hangs on it
            would be taken for garbage.
    """
    with store.lock.alone():
        keys = uncited_results(store, results) if results else []
        kept = _kept(store, cites, frozenset(keys))
        if not dry_run:
            with store.database.transaction():
                rows = [(key,) for key in keys]
                store.database.execute_many("DELETE FROM results WHERE key = ?", rows)
        return Swept(*_sweep(store, kept, dry_run=dry_run), len(keys))


def uncited_results(store: Store, keys: Keys) -> list[str]:
    """List the keys of cached results that no commit cites."""
    living = (pair for pair in everywhere(store) if not pair[1].gone)
    uncited = {row["key"] for row in store.database.query("SELECT key FROM results")}
    for each, commit in living:
        uncited -= keys(each, commit)
    return sorted(uncited)


def _garbage(store: Store, kept: Container[str]) -> Iterator[Path]:
    """List the files of objects that are not to be kept, and those left half written."""
    yield from (path for digest, path in store.objects.all() if digest not in kept)
    yield from store.objects.incoming()


def _kept(store: Store, cites: Cites, dropped: frozenset[str]) -> Container[str]:
    try:
        return reached(store, cites, dropped)
    except MissingObjectError as error:
        raise BadInputError(
            "Expected a store that is whole: what hangs on a lost folder would be taken for "
            "garbage. Nothing was removed.",
            received=f"object {error.received} is lost",
            hint="ibid doctor",
        ) from error


def _sweep(store: Store, kept: Container[str], *, dry_run: bool) -> tuple[int, int]:
    count = size = 0
    for path in _garbage(store, kept):
        count, size = count + 1, size + path.stat().st_size
        if not dry_run:
            path.unlink()
    return count, size
