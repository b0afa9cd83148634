"""Harm at one exact system call: the n-th that a command makes to change its home.

A shared library that is preloaded into that one process counts its calls. The product's code knows
nothing of it, and the stages that the process starts run without it.
"""

import errno
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.torture import invariants

SOURCE = Path(__file__).with_name("faults.c")
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at call `at`.

    `how`: `kill` before the call, `tear` after half of what it writes, `once` it fails with the
    error, `from` it and every later one does. `only` names the calls that are counted, if not all.
    """

    at: int
    how: str
    error: str = ""
    only: str = ""

    def __str__(self) -> str:
        return f"{self.how} {self.error}".strip() + f" at call {self.at} {self.only}".rstrip()


def build(folder: Path) -> Path | None:
    """Compile the library; returns None where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "faults.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return library


def variables(library: Path, home: Path, fault: Fault | None, log: Path) -> dict[str, str]:
    """Give the environment in which a command over a home meets a fault, or only counts."""
    given = {
        "LD_PRELOAD": str(library),
        "FAULT_ROOTS": os.pathsep.join([str(home), str(invariants.memory(home))]),
        "FAULT_LOG": str(log),
    }
    if fault is not None:
        given |= {"FAULT_AT": str(fault.at), "FAULT_DO": fault.how, "FAULT_ONLY": fault.only}
        given["FAULT_ERRNO"] = str(ERRORS.get(fault.error, 0))
    return given


def calls(log: Path) -> list[str]:
    """List the names of the counted calls, in their order."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [line.split(" ")[1] for line in lines]
