"""What a stage may touch, and what is said where the kernel cannot hold it to that."""

from dataclasses import dataclass
from pathlib import Path

# By the parts that the launcher names; each completes "Weaker here: ".
WEAKER = {
    "files": "a stage can write wherever its user may; its inputs are copies, though",
    "network": "a stage can use the network",
    "processes": "what a stage leaves running is found by its parents, and one that is hidden from "
    "/proc outlives it",
    "ipc": "shared memory of System V that a stage leaves outlives it",
    "proc": "a stage sees the machine's processes in /proc, under other numbers than its own",
    "privileges": "a stage keeps the privileges of its user",
    "namespaces": "a stage can make namespaces, and as root lift the limit of its memory there",
    "memory": "the memory of a stage is measured ten times a second, so a burst may pass its limit",
}
OWN = ("home", "tmp", "work", "witness")  # folders of a worker, beside `pfs`


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One stage's view.

    `readable` are folders that it has to see and `writable` those that it may change. All else is
    read-only; with `protected` those folders alone are, as for an effect, which acts on the world.
    `hidden` are files and folders that it finds empty, but for what it has to see in them.
    """

    cwd: Path
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    protected: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    network: bool = False
