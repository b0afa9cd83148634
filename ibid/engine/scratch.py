"""Where a job's stages run: folders that nothing outlives.

Many small datums are laid out in memory where the system has a folder for that: on a disk, making
and removing their files costs more than their work.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ibid.engine.datums import Datum
from ibid.store.home import Home

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is this user's alone
SMALL = 16 << 20  # bytes of a datum's inputs
OWNER = "home"  # a link beside the datums' folders: whose scratch it is
ROOM = 2 << 30  # bytes that have to be free


def choose(home: Home, datums: Sequence[Datum]) -> Path:
    """Choose where to lay datums out: in memory if there are several and each is small."""
    sizes = [sum(item.entry.size for item in datum.items) for datum in datums]
    memory = _memory(home)
    if len(sizes) > 1 and max(sizes) <= SMALL and _has_room(memory):
        with contextlib.suppress(FileExistsError):
            (memory / OWNER).symlink_to(home.path)
        return memory
    return home.scratch


def clear(home: Home) -> None:
    """Remove what runs that were killed have left; the caller holds the run's lock."""
    shutil.rmtree(home.scratch, ignore_errors=True)
    if _is_ours(_memory(home)):
        shutil.rmtree(_memory(home), ignore_errors=True)


def leftovers(home: Home) -> list[Path]:
    """List what runs that were killed have left; the caller holds the run's lock."""
    own = [*home.scratch.iterdir()] if home.scratch.is_dir() else []
    if _is_ours(_memory(home)):
        own.append(_memory(home))
    return own + abandoned()


def abandoned() -> list[Path]:
    """List this user's scratch in memory whose homes are gone."""
    found = filter(_is_ours, sorted(MEMORY.glob(f"ibid-{os.getuid()}-*")))
    return [each for each in found if (each / OWNER).is_symlink() and not (each / OWNER).exists()]


def _memory(home: Home) -> Path:
    name = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]
    return MEMORY / f"ibid-{os.getuid()}-{name}"


def _has_room(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:  # there is no such place here
        return False
    return _is_ours(folder) and shutil.disk_usage(folder).free >= ROOM


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder was made by this user, and is no link that somebody else laid."""
    return folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
