"""`python without.py PART,PART -- COMMAND...`: run a command with parts of the system missing.

Really missing: another user, a filter in the kernel, a mount over /proc. Only the filters can be
had without being root.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534
UNSHARE = {"x86_64": 272, "aarch64": 97}[platform.machine()]
SECCOMP = {"x86_64": 317, "aarch64": 277}[platform.machine()]
MOUNT_SETATTR = 442
NEW_MOUNTS, NEW_PIDS, NEW_NETWORK = 0x00020000, 0x20000000, 0x40000000


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def refuse(number, code, flags=None):
    """Have the kernel refuse a call; with flags, only when its first argument has one of them."""
    load, equal, test, give = 0x20, 0x15, 0x45, 0x06
    program = [(load, 0, 0, 0), (equal, 0, 3 if flags else 1, number)]
    if flags:
        program += [(load, 0, 0, 16), (test, 0, 1, flags)]
    program += [(give, 0, 0, 0x00050000 | code), (give, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    checked(LIBC.prctl(38, 1, 0, 0, 0))
    checked(LIBC.prctl(22, 2, header, 0, 0))


def mount(kind, target, data):
    checked(LIBC.mount(b"none", os.fsencode(target), kind.encode(), 0, data.encode()))


def private_mounts():
    checked(LIBC.unshare(NEW_MOUNTS))
    checked(LIBC.mount(b"none", b"/", None, 0x4000 | 0x40000, None))


def become_nobody():
    """Drop to a user without rights, for whom the interpreter stays in reach."""
    base = Path(sys.base_prefix)
    closed = [folder for folder in base.parents if not folder.stat().st_mode & 0o001]
    if closed:
        held = os.open(base, os.O_PATH)
        mount("tmpfs", closed[-1], "mode=0755")
        base.mkdir(parents=True)
        source = f"/proc/self/fd/{held}".encode()
        checked(LIBC.mount(source, os.fsencode(base), None, 0x5000, None))
        os.close(held)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def main(parts, command):
    if set(parts) & {"root", "proc", "disk"}:
        private_mounts()
    if "proc" in parts:  # a kernel gives no fresh /proc to whoever could see less before
        mount("tmpfs", "/proc/tty", "")
    if "disk" in parts:
        Path(os.environ["IBID_HOME"]).mkdir()
        mount("tmpfs", os.environ["IBID_HOME"], "size=12m,mode=0777")
    if "root" in parts:
        become_nobody()
    if "setattr" in parts:
        refuse(MOUNT_SETATTR, errno.ENOSYS)
    if "namespaces" in parts:
        refuse(UNSHARE, errno.EPERM)
    if "mounts" in parts:
        refuse(UNSHARE, errno.EPERM, NEW_MOUNTS)
    if "processes" in parts:
        refuse(UNSHARE, errno.EPERM, NEW_PIDS)
    if "filters" in parts:
        refuse(SECCOMP, errno.ENOSYS)
    if "network" in parts:
        refuse(UNSHARE, errno.EPERM, NEW_NETWORK)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[3:])
