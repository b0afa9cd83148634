"""A bundle in a store of its own, so that it is verified from that one file and nothing else."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibid.engine.record import cited
from ibid.store import bundle
from ibid.store.commits import Commit, Store
from ibid.store.home import Home


@contextmanager
def unpacked(file: Path) -> Iterator[tuple[Home, Store, Commit]]:
    """Take a bundle in for the block, with the commit that it was made for; then it is gone.

    Raises:
        BadInputError: if the file is no bundle, or not whole.
    """
    with tempfile.TemporaryDirectory(prefix="ibid-verify-") as folder:
        home = Home(Path(folder))
        store = home.open(bundle.project_of(file))
        try:
            found, _ = bundle.read(store, file, cited, again=True)
            yield home, store, store.resolve(*found.of.split("@"))
        finally:
            store.close()
