"""The page for people: one file that opens without a network. What it looks like: `page.html`."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from components.survey.inventory import Inventory, Pet, Refusal
from components.survey.pictures import thumbnail

TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True, slots=True)
class Gallery:
    """Some pets that have something in common, of how many, each with its picture as a data URL."""

    title: str
    count: int
    pets: tuple[tuple[Pet, str], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Some of the files that were set aside for one reason, of how many."""

    kind: str
    count: int
    files: tuple[Refusal, ...]


def render(report: Mapping[str, Any], inventory: Inventory, shown: int, listed: int) -> str:
    """Write the page.

    Args:
        report: what `report.json` holds: title, summary, warnings, tables.
        inventory: for pictures and names.
        shown: pets of each breed and remark, at most.
        listed: files of each reason, at most.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    breeds = ((pet.breed, pet) for pet in inventory.pets)
    remarks = ((remark, pet) for pet in inventory.pets for remark in pet.remarks)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        breeds=tuple(_galleries(breeds, shown)),
        remarks=tuple(_galleries(remarks, shown)),
        reasons=tuple(_reasons(inventory.refusals, listed)),
    )


def _galleries(pairs: Iterable[tuple[str, Pet]], shown: int) -> Iterator[Gallery]:
    grouped: dict[str, list[Pet]] = {}
    for title, pet in pairs:
        grouped.setdefault(title, []).append(pet)
    for title in sorted(grouped) if shown else ():
        pets = sorted(grouped[title], key=lambda pet: pet.pet_id)
        pictures = tuple((pet, _data_url(thumbnail(pet.folder))) for pet in pets[:shown])
        yield Gallery(title, len(pets), pictures)


def _reasons(refusals: Sequence[Refusal], listed: int) -> Iterator[Reason]:
    for kind in sorted({refusal.kind for refusal in refusals}) if listed else ():
        files = [refusal for refusal in refusals if refusal.kind == kind]
        yield Reason(kind, len(files), tuple(files[:listed]))


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
