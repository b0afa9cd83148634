"""Timing a command from outside: its seconds and the most memory that it held."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Timed:
    """How a command went: wall seconds, processor seconds, and its peak of memory in MiB."""

    seconds: float
    cpu: float
    peak: float


def timed(
    command: Sequence[str], cwd: Path, variables: Mapping[str, str] | None = None, *, code: int = 0
) -> Timed:
    """Run a command to its end; raises CalledProcessError for another exit code."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=os.environ | dict(variables or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Timed(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def ibid(*arguments: object) -> list[str]:
    """Name the command line of this project, as a command."""
    return [sys.executable, "-m", "ibid.cli", *map(str, arguments)]
