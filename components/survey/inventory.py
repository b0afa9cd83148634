"""What there is: pets as transform left them, uploads and files set aside as ingest did.

It reads records and sizes, and no picture.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from components.segmentation.partition import PARTITIONS
from ibid.stage.contract import one_line


@dataclass(frozen=True, slots=True)
class Pet:
    """A pet in its partition.

    Attributes:
        pet_id: its name.
        partition: one of PARTITIONS.
        breed: as its name says.
        species: `cat` or `dog`.
        width: of the photo as it was taken in, in pixels; `height` too.
        height: see `width`.
        notes: what ingest and transform said of it.
        superseded: the uploads that brought it too, and do not count.
        folder: where its pictures are.
    """

    pet_id: str
    partition: str
    breed: str
    species: str
    width: int
    height: int
    notes: tuple[str, ...]
    superseded: tuple[str, ...]
    folder: Path

    @property
    def remarks(self) -> tuple[str, ...]:
        """The kinds of its notes, once each: what can be counted, without names and details."""
        return tuple(dict.fromkeys(note.partition(": ")[0] for note in self.notes))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that ingest set aside: its upload and name, why, and why without what was received."""

    upload: str
    file: str
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Upload:
    """How many photos of an upload became pets, and their bytes."""

    name: str
    pets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of it; pets by partition and name, the rest by name."""

    pets: tuple[Pet, ...]
    uploads: tuple[Upload, ...]
    refusals: tuple[Refusal, ...]


def read(ingest: Path, transform: Path) -> Inventory:
    """Read what the two stages wrote."""
    aside = _subfolders(ingest / "quarantine")
    names = {folder.name for folder in [*_subfolders(ingest / "pets"), *aside]}
    return Inventory(
        tuple(_pet(p, f) for p in PARTITIONS for f in _subfolders(transform / p)),
        tuple(_upload(ingest / "pets" / name) for name in sorted(names)),
        tuple(_refusal(file) for folder in aside for file in sorted(folder.rglob("*.json"))),
    )


def _pet(partition: str, folder: Path) -> Pet:
    said = json.loads((folder / "metadata.json").read_bytes())
    return Pet(
        said["pet_id"],
        partition,
        said["breed"],
        said["species"],
        said["width"],
        said["height"],
        tuple(one_line(note) for note in said["notes"]),
        tuple(one_line(other["upload"]) for other in said["superseded"]),
        folder,
    )


def _upload(folder: Path) -> Upload:
    photos = [pet / "image.jpg" for pet in _subfolders(folder)]
    return Upload(one_line(folder.name), len(photos), sum(p.stat().st_size for p in photos))


def _refusal(file: Path) -> Refusal:
    said = json.loads(file.read_bytes())
    told = (one_line(said[name]) for name in ("file", "reason", "kind"))
    return Refusal(one_line(file.parent.name), *told)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
