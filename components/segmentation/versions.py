"""Versions of a stage's parameters: what an older schema wrote becomes what this one reads.

Each stage has a version of its own, so that a change to one stage's schema leaves the files of the
others, and so their keys, as they are. A step leads from one version to the next; it is a pure
function, which raises ValueError, with the parameter that has to be given, where it cannot.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = dict[str, Any]
Step = Callable[[Values], Values]


def migrate(params: Mapping[str, Any], steps: Sequence[Step]) -> tuple[Values, list[str]]:
    """Take parameters to the newest version, step by step; those that are of it stay as they are.

    Args:
        params: as they were written; `version` says by which schema.
        steps: the first leads from version 1 to 2.

    Returns:
        the parameters, and a line for each change. Raises ValueError for a version that is none of
        these, and for a value that no step can tell.
    """
    newest = len(steps) + 1
    version, values, told = params.get("version"), dict(params), list[str]()
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= newest:
        raise ValueError(f"expected a version from 1 to {newest}, received {_shown(version)}")
    for number, step in enumerate(steps[version - 1 :], start=version):
        after = step(dict(values)) | {"version": number + 1}
        told += [f"version {number} -> {number + 1}: {line}" for line in _changes(values, after)]
        values = after
    return values, told


def _changes(before: Values, after: Values) -> list[str]:
    names = [name for name in sorted(before | after) if name != "version"]
    return [
        f"{name}: {_of(before, name)} -> {_of(after, name)}"
        for name in names
        if _of(before, name) != _of(after, name)
    ] or ["nothing but the version"]


def _of(values: Values, name: str) -> str:
    return _shown(values[name]) if name in values else "absent"


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
