"""The end of a stage's processes: whoever starts one waits for it here, and leaves none behind."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def fork(start: Callable[[], NoReturn]) -> int:
    """Start a function in a process of its own, which never comes back."""
    pid = os.fork()
    if pid == 0:
        try:
            start()
        finally:  # whatever was raised, this copy of the launcher must not go on
            os._exit(127)
    return pid


def wait_for(leader: int) -> int:
    """Reap every child that ends until one of them does; returns its status, as of `waitpid`."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == leader:
            return status


def sweep() -> None:
    """End all descendants, as often as it takes: while they die they may start others."""
    while True:
        kill(below())
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def below() -> list[int]:
    """List what is below this process."""
    return descendants(os.getpid())


def kill(pids: list[int]) -> None:
    """Send SIGKILL to processes, as far as they are there and ours."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it has ended; or it became another user's
            continue


def descendants(root: int) -> list[int]:
    """List the processes below one, parents first; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return found[1:]


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return -1
