"""Homes for libraries that insist on one: for their caches, settings and sockets.

A stage writes nothing outside its output, and no file that lies in a user's home may have a say in
its bytes; so these libraries get folders that are empty before and gone afterwards.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

HOMES = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "KERAS_HOME",
    "MPLCONFIGDIR",
)


@contextmanager
def homes() -> Iterator[Path]:
    """Point the variables of HOMES at empty folders; yields the folder that holds them all."""
    before = {name: os.environ.get(name) for name in HOMES}
    with TemporaryDirectory() as root:
        for name in HOMES:
            folder = Path(root) / name.lower()
            folder.mkdir()
            os.environ[name] = str(folder)
        try:
            yield Path(root)
        finally:
            _restore(before)


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value
