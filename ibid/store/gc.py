"""Remove what nothing cites: mark what commits, records and results hang on, sweep the rest."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from ibid.stage.contract import BadInputError
from ibid.store.commits import WHOLE, Store
from ibid.store.objects import MissingObjectError
from ibid.store.reach import Cites, reached

# The datums of a job that gave a commit are those that the commit cites.
_UNCITED = (
    "SELECT key FROM results WHERE key NOT IN (SELECT d.key FROM datums d JOIN commits c "
    "ON c.project = d.project AND c.repo = d.pipeline AND c.id = d.job AND c.purged <> ?)"
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What was removed, or would be: objects and files left half written, their bytes, results."""

    objects: int
    bytes: int
    results: int = 0


def collect(store: Store, cites: Cites, *, results: bool = False, dry_run: bool = False) -> Swept:
    """Remove every object that nothing cites.

    Waits until nobody writes: what is written is cited only later.

    Args:
        store: any store of the home; all of its projects count.
        cites: says what a record cites.
        results: drop the cached results that no commit cites first.
        dry_run: only say what would be removed.

    Raises:
        BadInputError: if a tree cannot be read; then nothing is removed, as all that hangs on it
            would be taken for garbage.
    """
    with store.lock.alone():
        keys = uncited_results(store) if results else []
        kept = _kept(store, cites, frozenset(keys))
        if not dry_run:
            store.database.execute_many("DELETE FROM results WHERE key = ?", [(k,) for k in keys])
        return Swept(*_sweep(store, kept, dry_run=dry_run), len(keys))


def uncited_results(store: Store) -> list[str]:
    """List the keys of cached results that no commit cites."""
    return [row["key"] for row in store.database.query(_UNCITED, (WHOLE,))]


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
