"""The text formats of the Oxford-IIIT Pet Dataset: names, `list.txt`, head boxes.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, "Cats and Dogs", CVPR 2012. Only text goes
in and out; where the files lie is not known here.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field

from components.segmentation.photos import Box
from ibid.stage.contract import BadInputError

SPECIES = ("cat", "dog")
# What may become part of a path, and of a glob that looks for it.
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
PLAIN_MEANS = (
    "letters, digits, dots, dashes and underscores, the first a letter or digit, 100 at most"
)
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class Entry:
    """A pet in `list.txt`: the class of its breed (1 to 37 in Oxford's own), cat or dog."""

    class_id: int
    species: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What `list.txt` says.

    Attributes:
        entries: by pet.
        classes: by breed, the least of its pets' where they differ.
        problems: the lines that cannot be read, by number.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)


def breed_of(pet_id: str) -> str:
    """Cut the number off a pet's name: `american_bulldog_100` is an `american_bulldog`."""
    return re.sub(r"_\d+$", "", pet_id)


def species_of(breed: str) -> str:
    """Tell cat from dog: in Oxford's convention cats are capitalised."""
    return "cat" if breed[:1].isupper() else "dog"


def parse_list(text: str) -> Listing:
    """Read `list.txt`: a line `NAME CLASS SPECIES BREED` a pet; lines with # are comments.

    A line that cannot be read, or that lists a pet again, stands in `problems`; no line raises.
    """
    listing = Listing()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        entry = _entry(words)
        if entry is None:
            listing.problems[number] = "Expected a line NAME CLASS SPECIES BREED."
        elif words[0] in listing.entries:
            listing.problems[number] = f"Expected each pet once. Received: {words[0]} again"
        else:
            listing.entries[words[0]] = entry
            breed = breed_of(words[0])
            known = listing.classes.get(breed, entry.class_id)
            listing.classes[breed] = min(known, entry.class_id)
    return listing


def format_list(entries: Iterable[tuple[str, Entry, int]]) -> str:
    """Write `list.txt` with Oxford's comment lines, from names, entries and breed numbers."""
    lines = [
        "#Image CLASS-ID SPECIES BREED ID",
        "#ID: 1:37 Class ids",
        "#SPECIES: 1:Cat 2:Dog",
        "#BREED ID: 1-25:Cat 1:12:Dog",
        "#All images with 1st letter as captial are cat images",
        "#images with small first letter are dog images",
    ]
    for name, entry, breed_id in entries:
        lines.append(f"{name} {entry.class_id} {SPECIES.index(entry.species) + 1} {breed_id}")
    return "\n".join(lines) + "\n"


def parse_heads(xml: bytes) -> list[Box]:
    """Read the head boxes from Pascal VOC annotations.

    Returns (xmin, ymin, xmax, ymax) in stored pixels, counted from 1, both ends included.
    Raises BadInputError if it is not such a file, or declares entities: they could expand.
    """
    try:
        root = ET.fromstring(xml, ET.XMLParser(target=_Plain()))  # noqa: S314 - see _Plain
        return [_box(element) for element in root.iter("bndbox")]
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadInputError("Expected head boxes in Pascal VOC's XML.", received=error) from error


def format_heads(name: str, species: str, size: tuple[int, int], heads: Iterable[Box]) -> bytes:
    """Write head boxes as Pascal VOC annotations of a stored photo of (width, height)."""
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = f"{name}.jpg"
    _numbers(ET.SubElement(root, "size"), ("width", "height", "depth"), (*size, 3))
    for head in heads:
        item = ET.SubElement(root, "object")
        ET.SubElement(item, "name").text = species
        _numbers(ET.SubElement(item, "bndbox"), CORNERS, head)
    return ET.tostring(root) + b"\n"


class _Plain(ET.TreeBuilder):
    """Builds no tree of a document with a DOCTYPE, the only place where entities are declared."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """Refuse, before anything that was declared is expanded or fetched."""
        raise ValueError("a DOCTYPE")


def _entry(words: list[str]) -> Entry | None:
    if len(words) != 4 or not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words[1:]):
        return None
    class_id, species = int(words[1]), int(words[2])
    return Entry(class_id, SPECIES[species - 1]) if species in (1, 2) else None


def _box(element: ET.Element) -> Box:
    xmin, ymin, xmax, ymax = (int(element.findtext(corner, "missing")) for corner in CORNERS)
    if not (1 <= xmin <= xmax and 1 <= ymin <= ymax):
        raise ValueError(f"box {xmin} {ymin} {xmax} {ymax}")
    return xmin, ymin, xmax, ymax


def _numbers(parent: ET.Element, names: Iterable[str], values: Iterable[int]) -> None:
    for name, value in zip(names, values, strict=True):
        ET.SubElement(parent, name).text = str(value)
