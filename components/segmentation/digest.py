"""The digest by which stages cite the files that they were given."""

import hashlib
from pathlib import Path

from ibid.stage.contract import BadInputError


def sha256(path: Path) -> str:
    """Hash a file's bytes; hexadecimal. Raises BadInputError if there is no such file."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise BadInputError(
            f"Expected the file {path.name} in the input {path.parent.name}.",
            received=", ".join(sorted(entry.name for entry in path.parent.glob("*"))) or "nothing",
        ) from error
