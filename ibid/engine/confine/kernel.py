"""The calls to the kernel that Python 3.11 has no function for. It does not know what a stage is.

Every function raises OSError where the kernel, or this system, does not do what was asked.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

MOUNTS, IPC, USERS, PROCESSES, NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18

# What root may keep: reading and owning files as root does, and becoming somebody else. None of
# the others, since each is a way out; DAC_READ_SEARCH too, as it opens files by their handles.
KEPT = {0, 1, 3, 4, 5, 6, 7, 10}  # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SET*ID, NET_BIND_…
_CAPABILITIES = 64
_CAPABILITY_VERSION_3 = 0x20080522

_DIE_WITH_PARENT, _DROP_BOUND, _SUBREAPER, _NO_NEW_PRIVILEGES, _AMBIENT = 1, 24, 36, 38, 47
_AMBIENT_CLEAR = 4
# Without the second the kernel slows a filtered process down, against leaks within it.
_SET_FILTER, _AS_FAST_AS_BEFORE = 1, 4
_MOUNT_SETATTR, _RECURSIVELY, _HERE = 442, 0x8000, -100  # one number on every processor
# How /proc/self/mountinfo names the flags that a mount must keep.
_FLAGS = {
    "nosuid": NO_SUID,
    "nodev": NO_DEVICES,
    "noexec": NO_EXEC,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}

_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    function = getattr(_LIBC, name, None)
    if function is None or sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"this system has no {name}")
    if function(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags name for new ones."""
    _call("unshare", flags)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount something."""
    words = (os.fsencode(word) for word in (source, target, kind))
    _call("mount", *words, ctypes.c_ulong(flags), data.encode() or None)


def set_read_only(path: str, value: bool, *, recursive: bool) -> None:
    """Make a mount, and those below it, read-only or not."""
    words = (READ_ONLY, 0) if value else (0, READ_ONLY)
    attributes = (ctypes.c_uint64 * 4)(*words)
    where = (ctypes.c_long(_HERE), os.fsencode(path))
    flags = ctypes.c_ulong(_RECURSIVELY if recursive else 0)
    size = ctypes.c_ulong(ctypes.sizeof(attributes))
    try:
        _call(
            *("syscall", ctypes.c_long(_MOUNT_SETATTR), *where, flags),
            *(ctypes.byref(attributes), size),
        )
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        _remount(path, value, recursive)  # before Linux 5.12


def _remount(path: str, value: bool, recursive: bool) -> None:
    """Do the same mount by mount, each keeping its other flags."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        mounts = [line.split(" ")[4:6] for line in table]
    beneath = path.rstrip("/") + "/"
    for target, options in mounts:
        target = target.encode().decode("unicode_escape").encode("latin-1").decode()
        if target == path or (recursive and target.startswith(beneath)):
            kept = sum(_FLAGS.get(option, 0) for option in options.split(","))
            try:
                mount("", target, "", REMOUNT | BIND | kept | (READ_ONLY if value else 0))
            except OSError as error:  # hidden beneath a later mount: nobody can get there
                if error.errno not in (errno.ENOENT, errno.EINVAL):
                    raise


def die_with_parent(signal: int) -> None:
    """Get a signal when the thread that started this process ends, if it has not ended yet."""
    _control(_DIE_WITH_PARENT, signal)


def adopt_orphans() -> None:
    """Become the parent of whatever descendants lose theirs."""
    _control(_SUBREAPER, 1)


def drop_privileges(kept: Collection[int]) -> None:
    """Give up all capabilities but some, for good; also for programs that are started later."""
    _control(_NO_NEW_PRIVILEGES, 1)
    _control(_AMBIENT, _AMBIENT_CLEAR)
    head = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    words = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then their high halves
    _call("capget", ctypes.byref(head), ctypes.byref(words))
    mask = sum(1 << number for number in kept)
    held = words[1]
    for number in range(_CAPABILITIES):
        if number not in kept and not _try_drop(number):
            break
    words[:] = [held & mask, held & mask, 0, 0, 0, 0]
    _call("capset", ctypes.byref(head), ctypes.byref(words))


def filter_calls(seccomp: int, program: bytes) -> None:
    """Install a filter of calls; for who has given up his privileges.

    Args:
        seccomp: the number of the call, for which the C library has no name.
        program: classic BPF.
    """
    lines = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(lines))
    flags = (ctypes.c_ulong(_SET_FILTER), ctypes.c_ulong(_AS_FAST_AS_BEFORE))
    _call("syscall", ctypes.c_long(seccomp), *flags, head)


def _try_drop(number: int) -> bool:
    """Take a capability out of reach; False beyond the last, or where there are none to lose."""
    try:
        _control(_DROP_BOUND, number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM):
            raise
        return False
    return True


def _control(option: int, *arguments: int) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    _call("prctl", option, *(ctypes.c_ulong(argument) for argument in padded))
