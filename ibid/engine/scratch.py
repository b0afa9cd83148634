"""Where a job's stages run: folders that nothing outlives.

Many small datums are laid out in memory where the system has a folder for that: on a disk, making
and removing their files costs more than their work.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ibid.engine import group
from ibid.engine.datums import Datum
from ibid.store.home import Home

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is this user's alone
SMALL = 16 << 20  # bytes of a datum's inputs
OWNER = "home"  # a link beside the datums' folders: whose scratch it is
ROOM = 2 << 30  # bytes that have to be free


def choose(home: Home, datums: Sequence[Datum]) -> Path:
    """Choose where to lay datums out: in memory if there are several and each is small."""
    sizes = [sum(item.entry.size for item in datum.items) for datum in datums]
    memory = in_memory(home)
    if len(sizes) > 1 and max(sizes) <= SMALL and _has_room(memory):
        with contextlib.suppress(FileExistsError):
            (memory / OWNER).symlink_to(home.path)
        return memory
    return home.scratch


def clear(home: Home) -> None:
    """Remove what runs that were killed have left; the caller holds the run's lock."""
    remove(home.scratch)
    if _is_ours(in_memory(home)):
        remove(in_memory(home))
    group.clear(group_prefix(home))


def in_memory(home: Home) -> Path:
    """Name the folder in memory that is this home's; it need not be there."""
    return MEMORY / f"ibid-{os.getuid()}-{_name(home)}"


def group_prefix(home: Home) -> str:
    """Say what the names of this home's control groups begin with."""
    return f"ibid-{_name(home)}-"


def empty(folder: Path, *, keep: str | None = None) -> None:
    """Make a folder if there is none, and take out what is in it.

    The folder itself stays the same one: it may be mounted where a stage sees it.

    Args:
        folder: the folder; anything else that stands there is removed.
        keep: a name in it that is left alone.
    """
    if folder.is_symlink() or not folder.is_dir():
        remove(folder)
        folder.mkdir(parents=True)
    _open(folder)
    with os.scandir(folder) as inner:
        for entry in inner:
            if entry.name == keep:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, onerror=_retry)
            else:
                os.unlink(entry.path)  # noqa: PTH108 - a Path for each file of each datum is dear


def remove(path: Path) -> None:
    """Remove a file or a folder, whatever rights its maker left on it; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_retry)
    else:
        path.unlink(missing_ok=True)


def _retry(act: Callable[..., Any], path: str, failure: Any) -> None:
    """Remove again what its rights kept from being removed."""
    if isinstance(failure[1], FileNotFoundError):  # a process that was ending took it away
        return
    if not isinstance(failure[1], PermissionError):
        raise failure[1]
    _open(Path(path).parent)
    if act in (os.open, os.scandir, os.rmdir) and not Path(path).is_symlink():
        _open(Path(path))
        shutil.rmtree(path)
    else:
        act(path)


def _open(folder: Path) -> None:
    if folder.stat().st_mode & 0o700 != 0o700:
        folder.chmod(0o700)


def _name(home: Home) -> str:
    return hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]


def leftovers(home: Home) -> list[Path]:
    """List what runs that were killed have left; the caller holds the run's lock."""
    own = [*home.scratch.iterdir()] if home.scratch.is_dir() else []
    if _is_ours(in_memory(home)):
        own.append(in_memory(home))
    return own + abandoned()


def abandoned() -> list[Path]:
    """List this user's scratch in memory whose homes are gone."""
    found = filter(_is_ours, sorted(MEMORY.glob(f"ibid-{os.getuid()}-*")))
    return [each for each in found if (each / OWNER).is_symlink() and not (each / OWNER).exists()]


def _has_room(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:  # there is no such place here
        return False
    return _is_ours(folder) and shutil.disk_usage(folder).free >= ROOM


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder was made by this user, and is no link that somebody else laid."""
    return folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
