"""What the processes of stages say was in force in them, taken from where they leave it.

Foreign code may leave anything there, or nothing: it says nothing then.
"""

import json
import os
from pathlib import Path
from typing import Any

from ibid.engine.masking import Mask
from ibid.stage.canonical import json_bytes
from ibid.stage.contract import BadInputError

FOLDER = "witness"  # beside a worker's other folders
_MOST = 1 << 16  # bytes


def take(folder: Path, mask: Mask) -> dict[bytes, Any]:
    """Take away what was left; returns it by its bytes. Raises BadInputError for anything else."""
    found: dict[bytes, Any] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(file, "rb") as stream:  # noqa: PTH123 - a descriptor
                text = stream.read(_MOST).decode()
            told = json.loads(mask.text(text))
            found[json_bytes(told)] = told
            path.unlink()
        except (OSError, ValueError, RecursionError) as error:
            raise BadInputError(
                f"Expected JSON of less than {_MOST} bytes in the witness folder.",
                received=f"{path.name}: {error}",
            ) from error
    return found
