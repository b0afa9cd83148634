"""The versions of a pet: several uploads may bring one, the latest counts."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Versions:
    """A pet's folders in ingest's output, one an upload, the latest upload last."""

    pet_id: str
    folders: tuple[Path, ...]

    @property
    def latest(self) -> Path:
        """The folder that counts."""
        return self.folders[-1]

    def superseded(self) -> list[dict[str, Any]]:
        """List the other uploads with the digests of their photos, the latest first.

        `same` tells those that brought the same photo and mask as the one that counts.
        """
        newest = _digests(self.latest)
        others = []
        for folder in reversed(self.folders[:-1]):
            found = _digests(folder)
            said = {"upload": folder.parent.name, "image_sha256": found[0]}
            others.append({**said, "same": found == newest})
        return others

    def notes(self) -> list[str]:
        """Say in words which uploads brought other bytes; nothing if none did."""
        others = [entry["upload"] for entry in self.superseded() if not entry["same"]]
        if not others:
            return []
        return [f"{self.latest.parent.name} counts; other bytes came with {', '.join(others)}"]


def find(pets: Path) -> list[Versions]:
    """Find the pets under `<upload>/<pet_id>`, sorted by pet id; none if there is no folder."""
    by_pet: dict[str, list[Path]] = {}
    for folder in pets.glob("*/*"):
        by_pet.setdefault(folder.name, []).append(folder)
    return [Versions(pet_id, tuple(sorted(by_pet[pet_id], key=_age))) for pet_id in sorted(by_pet)]


def _age(folder: Path) -> tuple[int, str]:
    """Order uploads, named `<sequence>-<name>`, by number: text would put 10000 before 2."""
    upload = folder.parent.name
    sequence = re.match(r"[0-9]+(?=-)", upload)
    return (int(sequence[0]) if sequence else -1, upload)


def _digests(folder: Path) -> tuple[str, ...]:
    files = (folder / name for name in ("image.jpg", "mask.png"))
    return tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
