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
_INSTALLED = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
_ALLOWED = [
    *_CODE,
    *_INSTALLED,
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib")),
    os.path.join(sys.base_prefix, "lib"),  # noqa: PTH118 - pathlib would be imported for this alone
]
_MODULES = {*os.environ.get("IBID_MODULES", "").split(","), *sys.stdlib_module_names}


class _Environment(PathFinder):
    """Finds what the path finder does, but of what is installed only the environment."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):  # type: ignore[no-untyped-def]
        """Look for other top-level modules everywhere but among the installed packages."""
        if path is None and name not in _MODULES:
            path = [entry for entry in sys.path if entry not in _INSTALLED]
        return super().find_spec(name, path, target)


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
if _SETTING := os.environ.get("IBID_SETTING"):
    import ibid_setting  # type: ignore[import-not-found]

    ibid_setting.apply(_SETTING)
