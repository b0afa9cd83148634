"""Where files go that cannot become pets: none is lost without a reason.

A record holds the file's name, size and digest, not the file: the upload still has it.
Its kind is what was expected. That names no file, pet or upload, so that it can be counted.
"""

import hashlib
import shutil
from collections import Counter
from pathlib import Path

from components.ingest.member import Member, printable
from components.segmentation.oxford import PLAIN
from ibid.stage import canonical
from ibid.stage.contract import BadInputError

RECEIVED = " Received: "


class Quarantine:
    """The folder of one upload's refused files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies: Counter[str] = Counter()
        self.kinds: list[str] = []

    def add(self, member: Member, reason: str) -> None:
        """Record a file and why it was set aside."""
        known = {} if member.problem else _content(member.data)
        kind = reason.partition(RECEIVED)[0]
        record = {"part": member.part, "kind": kind, "reason": reason, **known}
        self._write(member.name, record)
        self.kinds.append(kind)

    def refuse(self, refusal: BadInputError) -> None:
        """Record why nothing of the upload can be used."""
        name = printable(self._folder.name)
        record = {"part": "upload", "kind": refusal.message, "reason": line(refusal)}
        self._write(name, record | {"hint": refusal.hint})

    def clear(self) -> None:
        """Forget all records: where the upload itself is damaged they say nothing."""
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._copies.clear()
        self.kinds.clear()

    def _write(self, name: str, record: dict[str, object]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        canonical.write_json(self._free(name), {"file": name, **record})

    def _free(self, name: str) -> Path:
        """Name a record; a name that is not plain is never used as a path."""
        if not PLAIN.fullmatch(name):
            name = f"name-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        while True:
            self._copies[name] += 1
            copy = self._copies[name]
            path = self._folder / (f"{name}.json" if copy == 1 else f"{name}.{copy}.json")
            if not path.exists():
                return path


def line(refusal: BadInputError) -> str:
    """Write a refusal in a line: what was expected, and what came."""
    received = "" if refusal.received is None else f"{RECEIVED}{refusal.received}"
    return refusal.message + received


def _content(data: bytes) -> dict[str, object]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
