"""The calls that a stage may not make: those that lead into other namespaces.

In a user namespace of its own root has every capability again: it could mount the control groups
there and lift the limit of its memory. A filter in the kernel refuses it one.
"""

from __future__ import annotations

import errno
import os
import struct

from ibid.engine.confine import kernel

# The processor, as the filter finds it; then the numbers of seccomp, clone, unshare and setns.
_NUMBERS = {
    "x86_64": (0xC000003E, 317, 56, 272, 308),
    "aarch64": (0xC00000B7, 277, 220, 97, 268),
}
_CLONE3 = 435  # one number on every processor
_X32 = 0x40000000  # from here on x86_64 knows all calls once more
_NAMESPACES = 0x7E020000  # every CLONE_NEW… that `clone` takes
_CALL, _PROCESSOR, _FLAGS = 0, 4, 16  # where a filter finds what: struct seccomp_data
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/filter.h
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


def refuse_namespaces() -> None:
    """Have the kernel refuse new namespaces, for good; also to programs that are started later.

    `clone3` keeps its flags where no filter can look, so it is not there at all: the C library then
    takes `clone`. Nor is anything there for programs of another processor, 32 bits say.

    Raises:
        OSError: the kernel has no filters, or this processor's calls are not known here.
    """
    machine = os.uname().machine
    if machine not in _NUMBERS:
        raise OSError(errno.ENOSYS, f"the numbers of the calls on {machine} are not known")
    processor, seccomp, *calls = _NUMBERS[machine]
    kernel.filter_calls(seccomp, _program(processor, *calls))


def _program(processor: int, clone: int, unshare: int, setns: int) -> bytes:
    """Write the filter: an operation, how many lines to skip if so and if not, a value."""
    lines = (
        (_LOAD, 0, 0, _PROCESSOR),
        (_IF_EQUAL, 0, 10, processor),  # else ENOSYS
        (_LOAD, 0, 0, _CALL),
        (_IF_AT_LEAST, 8, 0, _X32),  # ENOSYS
        (_IF_EQUAL, 7, 0, _CLONE3),  # ENOSYS
        (_IF_EQUAL, 5, 0, setns),  # EPERM
        (_IF_EQUAL, 1, 0, unshare),
        (_IF_EQUAL, 0, 2, clone),  # else allowed
        (_LOAD, 0, 0, _FLAGS),
        (_IF_ANY, 1, 0, _NAMESPACES),  # EPERM
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
    )
    return b"".join(struct.pack("HBBI", *line) for line in lines)
