"""What a stage may take: memory, for all its processes together, and disk, for what it writes."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from rich import filesize

from ibid.engine import scratch
from ibid.engine.confine.reaper import descendants
from ibid.engine.group import Group
from ibid.spec.spec import Spec

POLL_SECONDS = 0.1
_WALK_SHARE = 10  # of the time, one part in so many goes into looking at the disk


class Limits:
    """The limits of one process, looked at from time to time.

    Memory is counted by the kernel where there is a group; else it is what the processes have in
    memory, pages that they share counted once, and no files under /dev/shm.
    """

    def __init__(self, spec: Spec, folders: tuple[Path, ...], log: Path) -> None:
        self._spec, self._folders, self._log = spec, folders, log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._next_walk = 0.0

    @property
    def interval(self) -> float | None:
        """How often to look, in seconds; None if nothing is limited."""
        return POLL_SECONDS if self._spec.memory_limit or self._spec.disk_limit else None

    def exceeded(self, pid: int, group: Group | None, *, last: bool = False) -> str:
        """Say which limit was passed, if one was.

        Args:
            pid: the process above those that count.
            group: the control group that they are in, if there is one.
            last: look at the disk even if that was done a moment ago.
        """
        return self._memory(pid, group) or self._disk(last)

    def _memory(self, pid: int, group: Group | None) -> str:
        limit = self._spec.memory_limit
        if not limit:
            return ""
        if group:
            peak = group.peak()
            told = "the kernel ended it" + (f" at {filesize.decimal(peak)}" if peak else "")
            return self._refusal("memory", limit, told) if group.kills() else ""
        used = sum(map(_resident, descendants(pid)))
        told = f"measured {filesize.decimal(used)} in all its processes"
        return self._refusal("memory", limit, told) if used > limit else ""

    def _disk(self, last: bool) -> str:
        limit = self._spec.disk_limit
        started = time.monotonic()
        if not limit or (started < self._next_walk and not last):
            return ""
        used = sum(size for folder in self._folders for size in _sizes(folder))
        used += self._log.stat().st_size - self._log_start
        now = time.monotonic()
        self._next_walk = now + _WALK_SHARE * (now - started)
        told = f"measured {filesize.decimal(used)} in its output, home, tmp, work folder and log"
        return self._refusal("disk", limit, told) if used > limit else ""

    def _refusal(self, resource: str, limit: int, told: str) -> str:
        return (
            f"took more {resource} than resource_limits.{resource} allows, "
            f"{filesize.decimal(limit)}: {told}; "
            f"use less, or raise `limits: {{{resource}: ...}}` of {self._spec.name} "
            "in pipeline.yaml and run `ibid specs`"
        )


def _resident(pid: int) -> int:
    """Return the bytes that a process has in memory, a share of those that others have too."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # it ended, or is not ours
        return 0
    fields = (line.split() for line in text.splitlines())
    return sum(int(words[1]) * 1024 for words in fields if words[0] == "Pss:")


def _sizes(folder: Path) -> Iterator[int]:
    """List what the files below a folder take on the disk, in bytes."""
    for entry in scratch.entries(folder):
        # A stage may take one away meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if not entry.is_dir(follow_symlinks=False):
                yield entry.stat(follow_symlinks=False).st_blocks * 512
