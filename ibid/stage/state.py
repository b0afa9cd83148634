"""What a stage keeps for itself in its state folder, so that it can go on where it was ended.

A file there is whole and its owner's, or it is not used: written aside, synced and renamed, behind
a line that says whose it is and hashes the rest. It is no part of any output or digest: without it
a stage begins anew and gives the same bytes. Standard library only.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

from ibid.stage.contract import TemporaryError

FORMAT = "ibid-state-1"
ASIDE = ".aside"


def owner(**facts: object) -> str:
    """Name the owner of files by what its result depends on: plain values, in any order."""
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: Path, owner: str, content: bytes) -> None:
    """Replace a file at once, or not at all; raises TemporaryError if the disk refuses."""
    head = f"{FORMAT} {owner} {hashlib.sha256(content).hexdigest()}\n".encode()
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as stream:
            stream.write(head)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
    except OSError as error:
        raise TemporaryError(
            f"Expected to keep {path.name}, to go on from.",
            received=error,
            hint="free some space; the next try goes on from what was kept before",
        ) from error


def read(path: Path, owner: str) -> bytes | None:
    """Read a file back; None if there is none.

    One that is torn, or another owner's, is set aside, and the log says so.
    """
    if not path.exists():
        return None
    head, _, content = path.read_bytes().partition(b"\n")
    kind, whose, digest = [*head.decode(errors="replace").split(" "), "", "", ""][:3]
    if kind != FORMAT or hashlib.sha256(content).hexdigest() != digest:
        wrong = "is torn, or no file of a stage's state"
    elif whose != owner:
        wrong = "is of other data, parameters or libraries"
    else:
        return content
    _set_aside(path, wrong)
    return None


def _set_aside(path: Path, why: str) -> None:
    aside = path.with_name(path.name + ASIDE)
    path.replace(aside)
    print(f"{path.name} {why}: set aside as {aside.name}, beginning anew", file=sys.stderr)
