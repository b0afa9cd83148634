"""Imported by every Python that a stage starts: what is not in the key cannot be imported.

Off the import path goes whatever installations added to it (an editable project, say). What stays
are the stage's code tree, the standard library, and of the installed packages those of the
environment that the key cites.
"""

import os
import sys
import sysconfig
from importlib.machinery import PathFinder

_CODE = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
_ALLOWED = [
    *_CODE,
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    os.path.join(sys.base_prefix, "lib"),  # noqa: PTH118 - pathlib would be imported for this alone
]
_MODULES = {*os.environ.get("IBID_MODULES", "").split(","), *sys.stdlib_module_names}


class _Environment(PathFinder):
    """Finds what the path finder does, but of what is installed only the environment."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):  # type: ignore[no-untyped-def]
        """Find a module; top-level ones that the stage must not have are not there."""
        known = name in _MODULES or name.startswith("_")
        if path is None and not known and not _ours(name):
            return None
        return super().find_spec(name, path, target)


def _ours(name: str) -> bool:
    return any(
        os.path.exists(f"{folder}/{name}{suffix}")  # noqa: PTH110 - as above
        for folder in _CODE
        for suffix in ("", ".py")
    )


sys.path[:] = [
    entry
    for entry in sys.path
    if any(entry == folder or entry.startswith(folder + os.sep) for folder in _ALLOWED if folder)
]
sys.meta_path[:] = [
    _Environment if finder is PathFinder else finder
    for finder in sys.meta_path
    if not getattr(finder, "__module__", "").startswith("__edit")
]
