"""An upload's annotations, in memory: they are small, and photos come in any order.

It pairs by name only; whether a mask fits its photo is for whoever has both.
"""

from dataclasses import dataclass, field
from pathlib import Path

from components.ingest.quarantine import Quarantine
from components.ingest.upload import Member, members
from components.segmentation import oxford

LIST = "list.txt"
# Oxford's own, about splits and licence; not needed to make a pet.
IGNORED = {"README", "trainval.txt", "test.txt"}


@dataclass(slots=True)
class Annotations:
    """Masks and head boxes by pet id, and what `list.txt` says."""

    masks: dict[str, Member] = field(default_factory=dict)
    heads: dict[str, Member] = field(default_factory=dict)
    listing: oxford.Listing = field(default_factory=oxford.Listing)


def read(upload: Path, limit: int, quarantine: Quarantine) -> Annotations:
    """Read an upload's annotations; what is of no use goes into quarantine.

    Raises BadInputError if there are none, or if the tarball is damaged.
    """
    found = Annotations()
    for member in members(upload, "annotations", limit):
        reason = member.problem or _keep(member, found)
        if reason:
            quarantine.add(_flat(member), reason)
    return found


def _keep(member: Member, found: Annotations) -> str | None:
    """File a member where it belongs; returns the reason if it belongs nowhere."""
    folder, _, name = member.name.rpartition("/")
    pet_id, _, suffix = name.rpartition(".")
    shelf = {("trimaps", "png"): found.masks, ("xmls", "xml"): found.heads}.get((folder, suffix))
    if name.startswith("._") or member.name in IGNORED:  # macOS leaves `._` beside each file
        return None
    if member.name == LIST and not found.listing.entries:
        found.listing = oxford.parse_list(member.data.decode(errors="replace"))
    elif shelf is None:
        return "Expected list.txt, trimaps/NAME.png or xmls/NAME.xml."
    elif pet_id in shelf:
        return "Expected one such file a pet; another came first."
    else:
        shelf[pet_id] = member
    return None


def _flat(member: Member) -> Member:
    """Name a member without its folder, as long as that is one of the known ones."""
    name = member.name.removeprefix("trimaps/").removeprefix("xmls/")
    return Member(name, member.data, member.problem)


def set_aside_rest(found: Annotations, photos: set[str], quarantine: Quarantine) -> None:
    """Put into quarantine the annotations of photos that never came, and bad lines of the list."""
    for shelf in (found.masks, found.heads):
        for pet_id in sorted(shelf.keys() - photos):
            quarantine.add(_flat(shelf[pet_id]), f"Expected a photo {pet_id} to go with it.")
    for number, problem in sorted(found.listing.problems.items()):
        quarantine.add(Member(f"{LIST}-line-{number}", b"", problem), problem)
