"""Files that were purged for good, by their digests: what they leave, and that they stay away."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError
from ibid.store.commits import Store
from ibid.store.reach import purged_digests

SHOWN = 5


def refuse_files(store: Store, path: Path, *, again: bool) -> list[Digest]:
    """Refuse a file or folder that holds what was purged, before a byte of it is stored.

    Only files of a size that was purged are hashed. Returns what is taken back: `forget` that it
    was purged where it is shown again, and not before.

    Args:
        store: the store that remembers.
        path: what somebody wants to store.
        again: they mean it: take it back.

    Raises:
        BadInputError: that names the files.
    """
    sizes = {row["size"] for row in store.database.query("SELECT size FROM purged")}
    if not sizes:
        return []
    found = {str(file): _hash(file) for file in _files(path) if file.stat().st_size in sizes}
    return refuse(purged_digests(store), found, again=again)


def refuse(
    gone: Mapping[Digest, float], files: Mapping[str, Digest], *, again: bool
) -> list[Digest]:
    """Refuse digests that are `gone`, given by the names that people know them by."""
    held = [name for name, digest in files.items() if digest in gone]
    if again or not held:
        return [files[name] for name in held]
    days = (
        f"{name}, purged on {datetime.fromtimestamp(gone[files[name]], UTC):%Y-%m-%d}"
        for name in held[:SHOWN]
    )
    more = f"\nand {len(held) - SHOWN} more" if len(held) > SHOWN else ""
    raise BadInputError(
        "Expected nothing that was purged from this store. Nothing was committed.",
        received="\n".join(days) + more,
        hint="leave them out; --again takes them back",
    )


def forget(store: Store, files: Iterable[Digest]) -> None:
    """Write down that files which were purged are here again."""
    store.database.execute_many(
        "DELETE FROM purged WHERE digest = ?", [(digest,) for digest in files]
    )


def remember(store: Store, files: Iterable[tuple[Digest, int]], at: float) -> None:
    """Write down that files were purged."""
    store.database.execute_many(
        "INSERT OR IGNORE INTO purged VALUES (?, ?, ?)",
        [(digest, size, at) for digest, size in files],
    )


def _files(path: Path) -> Iterator[Path]:
    return filter(Path.is_file, path.rglob("*")) if path.is_dir() else iter([path])


def _hash(path: Path) -> Digest:
    with path.open("rb") as stream:
        return Digest(hashlib.file_digest(stream, "sha256").hexdigest())
