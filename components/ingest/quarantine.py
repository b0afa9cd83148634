"""Where files go that cannot become pets: none is lost without a reason.

A record holds the file's name, size and digest, not the file: the upload still has it.
"""

import hashlib
from pathlib import Path

from components.ingest.upload import Member
from components.segmentation.oxford import PLAIN
from ibid.stage import canonical


class Quarantine:
    """The folder of one upload's refused files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.reasons: list[str] = []

    def add(self, member: Member, reason: str) -> None:
        """Record a file and why it was set aside."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.reasons.append(reason)
        known = {} if member.problem else _content(member.data)
        record = {"file": member.name, "reason": reason, **known}
        canonical.write_json(self._free(member.name), record)

    def _free(self, name: str) -> Path:
        """Name a record; a name that is not plain is never used as a path."""
        if not PLAIN.fullmatch(name):
            name = f"name-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        path, copy = self._folder / f"{name}.json", 1
        while path.exists():
            copy += 1
            path = self._folder / f"{name}.{copy}.json"
        return path


def _content(data: bytes) -> dict[str, object]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
