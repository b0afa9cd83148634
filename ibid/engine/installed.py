"""What is installed: an extra's closure, read from the packages' own metadata. Slow: see `memo`."""

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ibid.spec.preimage import digest
from ibid.stage.contract import UsageError

DISTRIBUTION = "ibid"
# What an installer writes beside the package: it differs from one installation to the next.
_INSTALLER_FILES = re.compile(
    r"\.pyc,|\.dist-info/(RECORD|INSTALLER|REQUESTED|[a-z_]*\.json),|^\.\."
)


def read(extra: str) -> dict[str, dict[str, str] | list[str]]:
    """Return `identities` and `modules` of an extra; raises UsageError if a package is missing."""
    names = sorted(_closure(DISTRIBUTION, extra) - {DISTRIBUTION})
    distributions = {name: importlib.metadata.distribution(name) for name in names}
    modules = {
        module
        for distribution in distributions.values()
        for line in _record(distribution)
        if (module := line.split(",")[0].split("/")[0].split(".")[0])
    }
    return {
        "identities": {name: _identity(found) for name, found in distributions.items()},
        "modules": sorted(modules),
    }


def read_from() -> Iterator[Path]:
    """List the folders that are searched for packages, and what says what those are."""
    for folder in map(Path, sys.path):
        yield folder
        yield from folder.glob("*.dist-info/METADATA")
        yield from folder.glob("*.dist-info/RECORD")


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
