"""The environment of a component: what of it can change a result.

The packages of an extra's closure, by the hashes of what was installed; where numbers depend on the
machine, also interpreter, C library, processor, instruction set, threads and level. Whether the
packages are as recorded is `intact`'s, and what was in force in the end the stage's own to say.
"""

import platform
from collections.abc import Mapping
from typing import Any

from ibid.engine.packages import Packages
from ibid.stage import determinism
from ibid.stage.processor import processor


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
        "libc": " ".join(platform.libc_ver()),
        "architecture": platform.machine(),
        "level": settings.level,
        "threads": settings.threads,
        "instruction_set": settings.isa or " ".join(processor().flags),
    }
    if settings.level != "portable":
        facts["processor"] = processor().name
    return facts
