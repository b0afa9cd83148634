"""The environment of a component: what of it can change a result.

The packages of an extra's closure, by the hashes of what was installed; where numbers depend on the
machine, also interpreter, processor, instruction set, threads and level.
"""

import functools
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ibid.engine.packages import Packages
from ibid.stage import determinism

_ARITHMETIC_FLAGS = re.compile(r"^(sse|ssse|avx|fma|f16c|amx|neon|asimd|sve)")


def describe(packages: Packages, machine: bool, params: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the environment that a stage would be started in now.

    Args:
        packages: what the stage may use of what is installed.
        machine: whether its numbers depend on the machine.
        params: the stage's parameters: level, threads and instruction set are among them.
    """
    facts: dict[str, Any] = {"packages": dict(packages.identities)}
    if machine:
        facts["machine"] = _machine(determinism.resolve(params))
    return facts


def _machine(settings: determinism.Settings) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "architecture": platform.machine(),
        "level": settings.level,
        "threads": settings.threads,
        "instruction_set": settings.isa or " ".join(_processor()["flags"]),
    }
    if settings.level != "portable":
        facts["processor"] = _processor()["name"]
    return facts


@functools.cache
def _processor() -> dict[str, Any]:
    """Read the processor's name and the flags that arithmetic libraries choose by."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return {"name": platform.processor(), "flags": []}
    text = cpuinfo.read_text().split("\n\n")[0]
    lines = (line.partition(":") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    parts = [fields.get(key, "") for key in ("vendor_id", "cpu family", "model", "stepping")]
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "name": " ".join(filter(None, parts)),
        "flags": sorted(flag for flag in flags if _ARITHMETIC_FLAGS.match(flag)),
    }
