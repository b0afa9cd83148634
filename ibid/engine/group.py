"""A control group: the kernel's own limit on the memory of a tree of processes."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class _Files:
    """What a version of control groups calls its files."""

    limits: tuple[str, ...]
    events: str
    peak: str


_V1 = _Files(
    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    "memory.oom_control",
    "memory.max_usage_in_bytes",
)
_V2 = _Files(("memory.max",), "memory.events", "memory.peak")


class Group:
    """One group, for one worker's processes; `procs` is where a process enters it."""

    def __init__(self, folder: Path, files: _Files, limit: int) -> None:
        """Make the group; raises OSError if this user may not, or not here."""
        self._folder, self._files = folder, files
        folder.mkdir()
        try:
            for name in files.limits:
                # Without swap accounting there is no limit on both; without swap, none is needed.
                if name == files.limits[0] or (folder / name).exists():
                    (folder / name).write_text(str(limit))
            for name, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
                if (folder / name).exists():
                    (folder / name).write_text(value)
        except OSError:
            folder.rmdir()
            raise

    @property
    def procs(self) -> Path:
        """The file that takes a process in."""
        return self._folder / "cgroup.procs"

    def kills(self) -> int:
        """Count the processes that the kernel has ended for want of memory."""
        lines = (self._folder / self._files.events).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def peak(self) -> int | None:
        """Return the most memory that was used at once, in bytes, where the kernel counts it."""
        file = self._folder / self._files.peak
        return int(file.read_text()) if file.exists() else None

    def remove(self) -> None:
        """Remove the group; a process that is still ending leaves that to `clear`."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def make(prefix: str, limit: int) -> Group:
    """Make a group in the first place where that is allowed.

    Raises:
        OSError: there is no such place; the first one's refusal.
    """
    refusals: list[OSError] = []
    for parent, files in _places():
        try:
            return Group(parent / f"{prefix}{os.getpid()}-{next(_NUMBERS)}", files, limit)
        except OSError as error:
            refusals.append(error)
    raise refusals[0] if refusals else OSError("no control group of memory is in reach")


def clear(prefix: str) -> None:
    """Remove the groups that engines have left which were killed."""
    for parent, _ in _places():
        for folder in parent.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):  # somebody is in it
                folder.rmdir()


def _places() -> Iterator[tuple[Path, _Files]]:
    """List the groups that may hold another: our own, then, in version 2, those around it.

    In version 2 a group that holds processes can hand no limits on to groups within it.
    """
    table = Path("/proc/self/cgroup")
    for line in table.read_text().splitlines() if table.exists() else ():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            for top in _mounted("cgroup", "memory", path):
                yield top / path.strip("/"), _V1
        elif not controllers:
            for top in _mounted("cgroup2", "", path):
                own = top / path.strip("/")
                for place in (own, *own.parents):
                    control = place / "cgroup.subtree_control"
                    if control.exists() and "memory" in control.read_text().split():
                        yield place, _V2


def _mounted(kind: str, controller: str, path: str) -> Iterator[Path]:
    """Find where a hierarchy is mounted, if our group can be seen there."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind_here, _, options = right.split(" ", 2)
        top = Path(left.split(" ")[4])
        fits = not controller or controller in options.split(",")
        if kind_here == kind and fits and (top / path.strip("/")).is_dir():
            yield top
