"""What a stage sees of the file system: everything read-only, but for a few folders of its own."""

from __future__ import annotations

import os

from ibid.engine.confine import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Of the machine's devices: those that any program needs, and accelerators. No disk, no terminal.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "dri", "kfd", "dxg")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_DEV, _SHM = "/dev", "/dev/shm"  # noqa: S108 - a mount point


def confine(
    readable: Sequence[str],
    writable: Sequence[str],
    protected: Sequence[str],
    hidden: Sequence[str],
) -> None:
    """Make this mount namespace one stage's.

    Args:
        readable: folders that the stage has to see, wherever they are.
        writable: folders that it may change.
        protected: what it may not change; empty: everything but what is writable.
        hidden: files and folders that it finds empty, but for what it has to see in them.

    Raises:
        OSError: the kernel refused; how much is confined is then unknown.
    """
    kernel.mount("none", "/", "none", kernel.RECURSIVE | kernel.PRIVATE)
    # Held now, since what is mounted on /dev below would hide those that lie in /dev/shm.
    held = {path: os.open(path, os.O_PATH) for path in (*protected, *readable, *writable)}
    if not protected:
        _replace_devices()
    for path in protected:
        _bind(held[path], path)
    for path in hidden:
        _hide(path)
    for path in (*readable, *writable):
        os.makedirs(path, exist_ok=True)
        _bind(held[path], path)
    for folder in held.values():
        os.close(folder)
    for path in protected or ("/",):
        kernel.set_read_only(path, True, recursive=True)
    for path in (*writable, *(() if protected else (_SHM,))):
        kernel.set_read_only(path, False, recursive=False)


def _hide(path: str) -> None:
    """Put something empty in the place of a file or a folder, if there is one."""
    if os.path.isdir(path):
        kernel.mount("tmpfs", path, "tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, "mode=0755")
    elif os.path.exists(path):
        kernel.mount(f"{_DEV}/null", path, "none", kernel.BIND)


def _bind(descriptor: int, target: str) -> None:
    source = f"/proc/self/fd/{descriptor}"
    kernel.mount(source, target, "none", kernel.BIND | kernel.RECURSIVE)


def _replace_devices() -> None:
    """Put a /dev in place of the machine's: root could write to its disks there."""
    names = [name for name in os.listdir(_DEV) if name in _DEVICES or name.startswith("nvidia")]
    held = {name: os.open(f"{_DEV}/{name}", os.O_PATH) for name in names}
    flags = kernel.NO_SUID | kernel.NO_EXEC
    kernel.mount("tmpfs", _DEV, "tmpfs", flags, "mode=0755")
    for name, device in held.items():
        path = f"{_DEV}/{name}"
        if os.path.isdir(f"/proc/self/fd/{device}"):
            os.mkdir(path)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        _bind(device, path)
        os.close(device)
    for name, target in _LINKS.items():
        os.symlink(target, f"{_DEV}/{name}")
    os.mkdir(_SHM)
    kernel.mount("tmpfs", _SHM, "tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, "mode=1777")
