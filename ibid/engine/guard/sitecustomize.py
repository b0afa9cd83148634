"""Imported by every Python that a stage starts: what is not in the key cannot be used.

Takes off the import path whatever installations added to it (an editable project, say): the stage's
code tree, the standard library and the installed packages stay.
"""

import os
import sys
import sysconfig

_ALLOWED = [
    *os.environ.get("PYTHONPATH", "").split(os.pathsep),
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    os.path.join(sys.base_prefix, "lib"),  # noqa: PTH118 - pathlib would be imported for this alone
]
sys.path[:] = [
    entry
    for entry in sys.path
    if any(entry == folder or entry.startswith(folder + os.sep) for folder in _ALLOWED if folder)
]
sys.meta_path[:] = [
    finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__edit")
]
