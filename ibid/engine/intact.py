"""Whether what is installed is what the packages' records say: a key cites only the records.

Looked at before a job and after it, not when nothing is to be run. Files are hashed once; after
that their time of change, size and inode tell. Compiled bytecode stands in no record and is not
seen; headers of C and stubs of types, half of all files, are read by nothing that runs.
"""

import base64
import functools
import hashlib
import importlib.metadata
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from ibid.engine.memo import Memo, Seen
from ibid.stage.contract import ExitCode, IbidError

_ONE = threading.Lock()  # jobs that start together would hash the same files
_UNSEEN = re.compile(r"^\.\.|__pycache__|\.(h|hpp|inc|inl|cuh|pyi)$")


class AlteredError(IbidError):
    """What is installed is not what would be cited."""

    code = ExitCode.NOT_REPRODUCIBLE


def check(names: Iterable[str], memo: Memo) -> None:
    """Compare every file of some packages with its hash in the package's record.

    What was seen is remembered beside the installation, for every home; where nobody may write
    there, in the given memo.

    Raises AlteredError if a file has changed, is gone, or lies in a package's folder though no
    record has it.
    """
    if os.access(sys.prefix, os.W_OK):
        memo = Memo(Path(sys.prefix, ".ibid"))
    with _ONE:
        for name in sorted(names):
            found = memo.recall(["intact", *_version(name)], functools.partial(_look, name))
            if found:
                exact = "==".join(_version(name)[:2])
                raise AlteredError(
                    f"Expected the files of {name} as they were installed.",
                    received="\n".join(found[:5]),
                    hint=f"uv pip install --reinstall-package {name} {exact}",
                )


def _version(name: str) -> tuple[str, str, str]:
    """Name, version and place: what tells one installation from another."""
    distribution = importlib.metadata.distribution(name)
    return name, distribution.version, str(distribution.locate_file(""))


def _look(name: str) -> Seen:
    """List what is not as recorded, and every path that was looked at."""
    distribution = importlib.metadata.distribution(name)
    root = Path(str(distribution.locate_file("")))
    hashes = dict(_recorded(distribution))
    wrong = [f"{path} {how}" for path in hashes if (how := _compare(root / path, hashes[path]))]
    folders = {os.path.dirname(path) for path in hashes} - {""}  # noqa: PTH120 - thousands of them
    foreign = [path for path in _beside(root, folders) if path not in hashes]
    if foreign:
        others = {
            path for other in importlib.metadata.distributions() for path, _ in _recorded(other)
        }
        wrong += [f"{path} is in no record" for path in sorted({*foreign} - others)]
    return wrong, [root / path for path in (*hashes, *folders)]


def _recorded(distribution: importlib.metadata.Distribution) -> Iterator[tuple[str, str]]:
    """List the files of a record with their hashes; the record itself has none."""
    for line in (distribution.read_text("RECORD") or "").splitlines():
        path, hashed, _ = line.rsplit(",", 2)
        if not _UNSEEN.search(path.strip('"')):
            yield path.strip('"'), hashed


def _compare(path: Path, hashed: str) -> str:
    """Say what is wrong with a file; nothing if nothing is."""
    if not path.is_file():
        return "is gone"
    if not hashed:
        return ""
    kind, _, wanted = hashed.partition("=")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, kind).digest()
    return "" if base64.urlsafe_b64encode(found).rstrip(b"=").decode() == wanted else "changed"


def _beside(root: Path, folders: Iterable[str]) -> Iterator[str]:
    """List the files in folders that hold recorded ones."""
    for folder in folders:
        if (root / folder).is_dir():
            for entry in os.scandir(root / folder):
                if entry.is_file() and not _UNSEEN.search(entry.name):
                    yield f"{folder}/{entry.name}"
