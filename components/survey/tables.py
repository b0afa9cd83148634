"""What is counted: tables that page, JSON and terminal show alike."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from components.segmentation.partition import PARTITIONS
from components.survey.inventory import Inventory, Pet

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title; no rows means that there is nothing to count."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def count(inventory: Inventory) -> tuple[Table, ...]:
    """Count pets by breed and partition, sizes, uploads, reasons and remarks."""
    remarks = Counter(remark for pet in inventory.pets for remark in pet.remarks)
    reasons = Counter(refusal.kind for refusal in inventory.refusals)
    return (
        _breeds(inventory.pets),
        _sizes(inventory.pets),
        _uploads(inventory),
        Table("Files set aside", ("reason", "files"), _ranked(reasons)),
        Table("Pets taken in with a remark", ("remark", "pets"), _ranked(remarks)),
    )


def summary(inventory: Inventory) -> str:
    """Say in a line how much there is."""
    breeds = len({pet.breed for pet in inventory.pets})
    return ", ".join(
        (
            _number(len(inventory.pets), "pet"),
            _number(breeds, "breed"),
            _number(len(inventory.uploads), "upload"),
            f"{_number(len(inventory.refusals), 'file')} set aside",
        )
    )


def warnings(pets: Sequence[Pet]) -> tuple[str, ...]:
    """Name the partitions without a pet, and the breeds that nobody can learn."""
    filled = {pet.partition for pet in pets}
    empty = [name for name in PARTITIONS if name not in filled]
    taught = {pet.breed for pet in pets if pet.partition == "training"}
    unseen = sorted({pet.breed for pet in pets} - taught)
    found = [f"No pet is in {name}: names decide, so put more pets." for name in empty]
    if unseen and "training" not in empty:
        found.append(f"No pet in training is of the breeds {', '.join(unseen)}.")
    return tuple(found)


def _breeds(pets: Sequence[Pet]) -> Table:
    counts = Counter((pet.species, pet.breed, pet.partition) for pet in pets)
    kinds = sorted({(pet.species, pet.breed) for pet in pets})
    rows: list[tuple[Cell, ...]] = [
        (breed, species, *_with_sum(counts[species, breed, name] for name in PARTITIONS))
        for species, breed in kinds
    ]
    totals = Counter(pet.partition for pet in pets)
    rows.append(("all", "", *_with_sum(totals[name] for name in PARTITIONS)))
    return Table("Pets by breed and split", ("breed", "species", *PARTITIONS, "all"), tuple(rows))


def _sizes(pets: Sequence[Pet]) -> Table:
    sides = {
        "width": sorted(pet.width for pet in pets),
        "height": sorted(pet.height for pet in pets),
    }
    rows = ((name, s[0], median_low(s), s[-1]) for name, s in sides.items() if s)
    columns = ("pixels", "smallest", "median", "largest")
    return Table("Photos as they were taken in", columns, tuple(rows))


def _uploads(inventory: Inventory) -> Table:
    superseded = Counter(upload for pet in inventory.pets for upload in pet.superseded)
    aside = Counter(refusal.upload for refusal in inventory.refusals)
    rows = (
        (
            upload.name,
            upload.pets,
            upload.pets - superseded[upload.name],
            aside[upload.name],
            round(upload.bytes / 1e6, 1),
        )
        for upload in inventory.uploads
    )
    columns = ("upload", "pets", "in use", "files set aside", "photos, MB")
    return Table("Uploads", columns, tuple(rows))


def _ranked(counts: Counter[str]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _with_sum(numbers: Iterable[int]) -> tuple[int, ...]:
    listed = tuple(numbers)
    return (*listed, sum(listed))


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
