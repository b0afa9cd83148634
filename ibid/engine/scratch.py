"""Where a job's stages run: folders that nothing outlives.

Many small datums are laid out in memory where the system has a folder for that: on a disk, making
and removing their files costs more than their work.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from ibid.engine import group
from ibid.engine.datums import Datum
from ibid.store.home import Home
from ibid.store.trees import DEPTH, too_deep

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is this user's alone
SMALL = 16 << 20  # bytes of a datum's inputs
OWNER = "home"  # a link beside the datums' folders: whose scratch it is
SERVICE = "service-"  # begins the name of a service's folder
ROOM = 2 << 30  # bytes that have to be free


def choose(home: Home, datums: Sequence[Datum]) -> Path:
    """Choose where to lay datums out: in memory if there are several and each is small."""
    sizes = [sum(item.entry.size for item in datum.items) for datum in datums]
    if len(sizes) > 1 and max(sizes) <= SMALL:
        memory = make_in_memory(home)
        if memory and shutil.disk_usage(memory).free >= ROOM:
            return memory
    return home.scratch


def clear(home: Home) -> None:
    """Remove what runs that were killed have left; the caller holds the run's lock."""
    remove(home.scratch)
    if _is_ours(in_memory(home)):
        remove(in_memory(home))
    for folder in _ended_services(home):
        remove(folder)
    group.clear(group_prefix(home))


@contextlib.contextmanager
def of_service(home: Home) -> Iterator[Path]:
    """Make the folder of a service: nobody clears it as long as this process has it."""
    home.path.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        made = False
        while not made:  # who clears may come between the two
            folder = Path(tempfile.mkdtemp(prefix=SERVICE, dir=home.path))
            made = held.enter_context(_hold(folder))
        try:
            yield folder
        finally:
            remove(folder)


def in_memory(home: Home) -> Path:
    """Name the folder in memory that is this home's; it need not be there."""
    return MEMORY / f"ibid-{os.getuid()}-{_name(home)}"


def make_in_memory(home: Home) -> Path | None:
    """Make the folder in memory that is this home's; None where there is no such place."""
    folder = in_memory(home)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    if not _is_ours(folder):
        return None
    with contextlib.suppress(FileExistsError):
        (folder / OWNER).symlink_to(home.path)
    return folder


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
    _remove_below(folder, keep)


def remove(path: Path) -> None:
    """Remove a file or a folder, whatever rights its maker left on it; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        _remove_below(path)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """List everything below a folder, as far as it is there and may be read.

    Raises:
        BadInputError: it goes deeper than an output may.
    """
    todo = [(str(folder), 1)]
    while todo:
        path, depth = todo.pop()
        if depth > DEPTH:
            raise too_deep(path)
        try:
            with os.scandir(path) as inner:
                found = [*inner]
        except (FileNotFoundError, PermissionError):  # its maker may be at work
            continue
        yield from found
        todo += [(each.path, depth + 1) for each in found if each.is_dir(follow_symlinks=False)]


def _remove_below(folder: Path, keep: str | None = None) -> None:
    """Remove what is in a folder, however deep: folders in folders are first moved up into it."""
    top = _open(str(folder))
    try:
        prefix = f".{uuid.uuid4().hex}"
        todo = _remove_files(top, keep)
        for number in itertools.count():
            if not todo:
                return
            name = todo.pop()
            with contextlib.suppress(FileNotFoundError):  # a process that was ending took it away
                inner = _open(name, top)
                try:
                    for each, deeper in enumerate(_remove_files(inner)):
                        todo.append(f"{prefix}-{number}-{each}")
                        _move(deeper, inner, todo[-1], top)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _remove_files(folder: int, keep: str | None = None) -> list[str]:
    """Remove what is no folder; returns the names of the folders."""
    folders: list[str] = []
    with os.scandir(folder) as inner:
        for entry in inner:
            if entry.name == keep:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=folder)
    return folders


def _move(name: str, folder: int, target: str, top: int) -> None:
    try:
        os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)
    except PermissionError:  # a folder has to be writable itself to be moved
        os.chmod(name, 0o700, dir_fd=folder)
        os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)


def _open(name: str, at: int | None = None) -> int:
    """Open a folder and make it one that can be emptied."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        folder = os.open(name, flags, dir_fd=at)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=at)
        folder = os.open(name, flags, dir_fd=at)
    if os.fstat(folder).st_mode & 0o700 != 0o700:
        os.fchmod(folder, 0o700)
    return folder


def _name(home: Home) -> str:
    return hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]


def leftovers(home: Home) -> list[Path]:
    """List what runs that were killed have left; the caller holds the run's lock."""
    own = [*home.scratch.iterdir()] if home.scratch.is_dir() else []
    if _is_ours(in_memory(home)):
        own.append(in_memory(home))
    own += _ended_services(home)
    return own + abandoned()


def abandoned() -> list[Path]:
    """List this user's scratch in memory whose homes are gone."""
    found = filter(_is_ours, sorted(MEMORY.glob(f"ibid-{os.getuid()}-*")))
    return [each for each in found if (each / OWNER).is_symlink() and not (each / OWNER).exists()]


def _ended_services(home: Home) -> Iterator[Path]:
    """List the folders of services that have ended, each held while somebody looks at it."""
    for folder in filter(_is_ours, sorted(home.path.glob(f"{SERVICE}*"))):
        with _hold(folder) as held:
            if held:
                yield folder


@contextlib.contextmanager
def _hold(folder: Path) -> Iterator[bool]:
    """Lock a folder unless another has; yields whether that was so, and it is still there."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = False
        else:
            held = folder.is_dir()
        yield held
    finally:
        os.close(opened)


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder was made by this user, and is no link that somebody else laid."""
    return folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
