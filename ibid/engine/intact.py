"""Whether what is installed is what the packages' records say: a key cites only the records.

Looked at before a job and after it, not when nothing is to be run. Files are hashed once; after
that their time of change, size and inode tell. Compiled bytecode stands in no record and is not
seen; headers of C and stubs of types, half of all files, are read by nothing that runs. What Python
runs at every start is looked at whoever has it: it comes before any guard.
"""

import base64
import functools
import hashlib
import importlib.metadata
import inspect
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from ibid.engine.memo import Memo, Seen
from ibid.stage.contract import ExitCode, IbidError

_ONE = threading.Lock()  # jobs that start together would hash the same files
_UNSEEN = re.compile(r"__pycache__|\.(h|hpp|inc|inl|cuh|pyi)$")
# Run at every start. That of virtual environments is put there by what makes them, in no record.
_STARTS = re.compile(r"(?!_virtualenv\.pth$)[^/]*\.pth$|(site|user)customize(\.[^/]*)?$")


class AlteredError(IbidError):
    """What is installed is not what would be cited."""

    code = ExitCode.NOT_REPRODUCIBLE


def check(names: Iterable[str], memo: Memo) -> None:
    """Compare every file of some packages with its hash in the package's record.

    What was seen is remembered beside the installation, for every home; where nobody may write
    there, in the given memo.

    Raises AlteredError if a file has changed, is gone, or lies in a package's folder, or where
    Python runs or finds it before a package's own, though no record has it.
    """
    names = sorted(names)
    if os.access(sys.prefix, os.W_OK):
        memo = Memo(Path(sys.prefix, ".ibid"))
    with _ONE:
        for root in sorted({_version(name)[2] for name in names}):
            if found := memo.recall(["top", root], functools.partial(_look_at_top, Path(root))):
                raise AlteredError(
                    f"Expected in {root} only what packages have installed.",
                    received="\n".join(found[:5]),
                    hint="move it away, or install anew: make clean setup",
                )
        for name in names:
            found = memo.recall(["files", *_version(name)], functools.partial(_look, name))
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


def _look_at_top(root: Path) -> Seen:
    """List what Python would run at its start, or find instead of a package's own, unrecorded."""
    recorded = {
        path: hashed
        for distribution in importlib.metadata.distributions(path=[str(root)])
        for path, hashed in _recorded(distribution)
    }
    own = {path.partition("/")[0] for path in recorded}
    modules = {_module(name) for name in own}
    wrong, starts = [], []
    for name in sorted(entry.name for entry in os.scandir(root)):
        if _STARTS.match(name):
            starts.append(root / name)
        if name not in own and (_STARTS.match(name) or _module(name) in modules):
            wrong.append(f"{name} is in no record")
        elif _STARTS.match(name) and (how := _compare(root / name, recorded.get(name, ""))):
            wrong.append(f"{name} {how}")
    return wrong, [root, *starts]


def _module(name: str) -> str:
    """Name the module that a file is, or a folder may be."""
    return inspect.getmodulename(name) or name


def _look(name: str) -> Seen:
    """List what is not as recorded, and every path that was looked at."""
    distribution = importlib.metadata.distribution(name)
    root = Path(str(distribution.locate_file("")))
    recorded = dict(_recorded(distribution))
    hashes = {path: recorded[path] for path in recorded if not _UNSEEN.search(path)}
    wrong = [f"{path} {how}" for path in hashes if (how := _compare(root / path, hashes[path]))]
    folders = _above(hashes)
    foreign = [path for path in _beside(root, folders, _above(recorded)) if path not in hashes]
    if foreign:
        others = {
            path for other in importlib.metadata.distributions() for path, _ in _recorded(other)
        }
        wrong += [f"{path} is in no record" for path in sorted({*foreign} - others)]
    return wrong, [root / path for path in (*hashes, *folders)]


def _recorded(distribution: importlib.metadata.Distribution) -> Iterator[tuple[str, str]]:
    """List the files of a record in its root with their hashes; the record itself has none."""
    for line in (distribution.read_text("RECORD") or "").splitlines():
        path, hashed, _ = line.rsplit(",", 2)
        if not path.strip('"').startswith(".."):
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


def _above(paths: Iterable[str]) -> set[str]:
    """List the folders that paths lie in, at any depth, but for the root."""
    found: set[str] = set()
    for path in paths:
        while (path := os.path.dirname(path)) and path not in found:  # noqa: PTH120 - thousands
            found.add(path)
    return found


def _beside(root: Path, folders: Iterable[str], own: set[str]) -> Iterator[str]:
    """List the files in folders that hold recorded ones, and in those below that are not own."""
    for folder in folders:
        if not (root / folder).is_dir():
            continue
        for entry in os.scandir(root / folder):
            path = f"{folder}/{entry.name}"
            if _UNSEEN.search(entry.name):
                continue
            if entry.is_file():
                yield path
            elif path not in own:
                yield from _beside(root, [path], own)
