"""The installed packages that an environment holds: those of an extra's closure, by hash."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ibid.engine.memo import Memo, Seen


@dataclass(frozen=True, slots=True)
class Packages:
    """An extra's closure: `version sha256` by name, and the top-level modules that it brings.

    The hash is over a package's own record of its files, without what the installer added.
    """

    identities: Mapping[str, str]
    modules: frozenset[str]


def packages(extra: str | None, memo: Memo) -> Packages:
    """Look up an extra's closure; raises UsageError if a package of it is not installed."""
    if extra is None:
        return Packages({}, frozenset())

    def work_out() -> Seen:
        from ibid.engine import installed  # for when something has changed

        return installed.read(extra), installed.read_from()

    found = memo.recall(["packages", extra, sys.version, *sys.path], work_out)
    return Packages(found["identities"], frozenset(found["modules"]))
