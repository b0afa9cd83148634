"""The environment of a component: what of it can change a result.

The packages of an extra's closure, by the hashes of what was installed; where numbers depend on the
machine, also interpreter, processor, instruction set, threads and level.
"""

import functools
import importlib.metadata
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ibid.spec.preimage import digest
from ibid.stage import determinism
from ibid.stage.contract import UsageError

DISTRIBUTION = "ibid"
# What an installer writes beside the package: it differs from one installation to the next.
_INSTALLER_FILES = re.compile(
    r"\.pyc,|\.dist-info/(RECORD|INSTALLER|REQUESTED|[a-z_]*\.json),|^\.\."
)
_ARITHMETIC_FLAGS = re.compile(r"^(sse|ssse|avx|fma|f16c|amx|neon|asimd|sve)")


def describe(extra: str | None, machine: bool, params: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the environment that a stage would be started in now.

    Args:
        extra: the extra of the project's distribution whose packages the stage may use.
        machine: whether its numbers depend on the machine.
        params: the stage's parameters: level, threads and instruction set are among them.
    """
    facts: dict[str, Any] = {"packages": dict(packages(extra)) if extra else {}}
    if machine:
        facts["machine"] = _machine(determinism.resolve(params))
    return facts


@functools.cache
def packages(extra: str) -> tuple[tuple[str, str], ...]:
    """List an extra's closure as (name, `version sha256`), sorted.

    The hash is over the package's own record of its files, without what the installer added.
    Raises UsageError if a package is not installed.
    """
    names = sorted(_closure(DISTRIBUTION, extra) - {DISTRIBUTION})
    return tuple((name, _identity(importlib.metadata.distribution(name))) for name in names)


@functools.cache
def modules(extra: str | None) -> frozenset[str]:
    """List the top-level modules of an extra's closure: what a stage may import beside its code."""
    names = (name for name, _ in packages(extra)) if extra else ()
    return frozenset(
        module
        for name in names
        for line in _record(importlib.metadata.distribution(name))
        if (module := line.split(",")[0].split("/")[0].split(".")[0])
    )


def _closure(name: str, extra: str) -> set[str]:
    seen: set[tuple[str, str]] = set()
    todo = [(name, extra)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for requirement in _requirements(name, extra):
            inner = canonicalize_name(requirement.name)
            todo += [(inner, "")] if inner != DISTRIBUTION else []
            todo += [(inner, wanted) for wanted in requirement.extras]
    return {name for name, _ in seen}


def _requirements(name: str, extra: str) -> Iterator[Requirement]:
    """List what a package needs for one extra; of our own, not what the engine itself needs."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise UsageError(
            "Expected every package of the environment to be installed.",
            received=f"{name} is missing",
            hint="make setup",
        ) from error
    if name == DISTRIBUTION and extra not in distribution.metadata.get_all("Provides-Extra", []):
        raise UsageError(f"Expected an extra of {DISTRIBUTION}.", received=extra)
    for text in distribution.requires or ():
        requirement = Requirement(text)
        plain = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if wanted and not (plain and name == DISTRIBUTION):
            yield requirement


def _identity(distribution: importlib.metadata.Distribution) -> str:
    kept = sorted(line for line in _record(distribution) if not _INSTALLER_FILES.search(line))
    return f"{distribution.version} {digest('record', kept)}"


def _record(distribution: importlib.metadata.Distribution) -> list[str]:
    return (distribution.read_text("RECORD") or "").splitlines()


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
