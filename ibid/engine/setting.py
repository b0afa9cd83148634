"""How a stage is started beside what its key says: none of it may change what the stage gives.

A verify starts stages in another setting than their first run had. What cannot be told by
variables alone (the order of a folder's entries, say) the guard brings about in every Python.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GUARDED = "IBID_SETTING"  # read by the guard


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to start a stage.

    `variables` go over those that the engine and the spec set; `umask` is the process's, -1 the
    engine's own; `prefix` stands before the command; `folder` is the name of the folder that it
    runs in, by default a new one each time.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    umask: int = -1
    prefix: tuple[str, ...] = ()
    folder: str = ""


USUAL = Setting()


def turned(number: int, guarded: Mapping[str, Any]) -> Setting:
    """Return a setting that is not the usual one, nor that of another number.

    Time zone, locale, mask, hash seed and what uninitialised memory holds differ; home, temporary
    and working folder do so in any setting.

    Args:
        number: from 0 to 9.
        guarded: what the guard is to bring about.
    """
    return Setting(
        variables={
            "TZ": f"IBID-{number + 3:02}:45",  # needs no database of zones
            "LANG": "C",
            "LC_ALL": "C",
            "PYTHONHASHSEED": str(1729 + number),
            "MALLOC_PERTURB_": str(165 + number),  # glibc fills what it hands out
            GUARDED: json.dumps(dict(guarded), sort_keys=True),
        },
        umask=0o077 if number % 2 == 0 else 0o027,
    )


ELSEWHERE = turned(0, {"listing": "reversed"})
