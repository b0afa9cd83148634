"""How a datum's inputs lie in the folder that stands for `/pfs`.

They are copies: nothing that a stage does reaches the store. Of an input with `empty_files` the
names are there and the bytes are not, until a link in the output asks for them, as in Pachyderm.
"""

from pathlib import Path

from ibid.engine import scratch
from ibid.engine.datums import Datum, Item
from ibid.store.trees import FILE, Trees


def lay_out(trees: Trees, item: Item, pfs: Path) -> None:
    """Lay out one input of a datum."""
    target = _place(item, pfs)
    if not item.empty:
        trees.checkout(item.entry, target)
    elif item.entry.kind == FILE:
        _touch(target)
    else:
        target.mkdir(parents=True, exist_ok=True)
        for path, entry in trees.walk(item.entry.digest):
            if entry.kind == FILE:
                _touch(target / path.strip("/"))


def fill(trees: Trees, datum: Datum, pfs: Path) -> None:
    """Give empty files what they stand for, if the output holds a link, which may lead to them."""
    empty = [item for item in datum.items if item.empty]
    if not empty or not _has_link(pfs / "out"):
        return
    for item in empty:
        target = _place(item, pfs)
        if item.entry.kind == FILE:
            target.unlink(missing_ok=True)
        else:
            scratch.remove(target)
        trees.checkout(item.entry, target)


def _place(item: Item, pfs: Path) -> Path:
    return pfs / item.input / item.path.strip("/")


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _has_link(folder: Path) -> bool:
    return any(entry.is_symlink() for entry in scratch.entries(folder))
