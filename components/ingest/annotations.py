"""An upload's annotations, in memory: they are small, and photos come in any order.

It pairs by name only; whether a mask fits its photo is for whoever has both.
"""

from dataclasses import dataclass, field
from pathlib import Path

from components.ingest.limits import Limits
from components.ingest.member import Member, printable
from components.ingest.parameters import MEGA, Parameters
from components.ingest.quarantine import Quarantine, line
from components.ingest.upload import members
from components.segmentation import oxford
from components.segmentation.photos import Box
from ibid.stage.contract import BadInputError

LIST = "list.txt"
# Oxford's own, about splits and licence; not needed to make a pet.
IGNORED = {"README", "trainval.txt", "test.txt"}
NAMED = 8  # of the pets that are listed and did not come


@dataclass(slots=True)
class Annotations:
    """What is known of the photos of an upload, by pet id.

    Attributes:
        masks: their files.
        heads: the files of head boxes.
        boxes: what these say.
        damaged: why others say nothing.
        listed: what `list.txt` says; None before it came.
    """

    masks: dict[str, Member] = field(default_factory=dict)
    heads: dict[str, Member] = field(default_factory=dict)
    boxes: dict[str, list[Box]] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    listed: oxford.Listing | None = None

    @property
    def listing(self) -> oxford.Listing:
        """What `list.txt` says: nothing if there is none."""
        return self.listed or oxford.Listing()


def read(upload: Path, parameters: Parameters, quarantine: Quarantine) -> Annotations:
    """Read an upload's annotations; what is of no use goes into quarantine.

    Raises BadInputError if there are none or too many, or if the tarball is damaged.
    """
    found = Annotations()
    for member in members(upload, Limits.of(parameters, "annotations")):
        reason = member.problem or _keep(member, found, parameters)
        if reason:
            quarantine.add(_flat(member), reason)
    return found


def _keep(member: Member, found: Annotations, parameters: Parameters) -> str | None:
    """File a member where it belongs; returns the reason if it belongs nowhere."""
    folder, _, name = member.name.rpartition("/")
    pet_id, _, suffix = name.rpartition(".")
    shelf = {("trimaps", "png"): found.masks, ("xmls", "xml"): found.heads}.get((folder, suffix))
    if name.startswith("._") or member.name in IGNORED:  # macOS leaves `._` beside each file
        return None
    if shelf is not found.masks and len(member.data) > parameters.max_text_mb * MEGA:
        most = parameters.max_text_mb * MEGA
        return f"Expected at most {most} bytes (`max_text_mb`). Received: {len(member.data)}"
    if member.name == LIST:
        return _keep_list(member, found, parameters)
    if shelf is None:
        return "Expected list.txt, trimaps/NAME.png or xmls/NAME.xml."
    if pet_id in shelf:
        return "Expected one such file a pet; another came first."
    shelf[pet_id] = member
    return _keep_boxes(member, pet_id, found) if shelf is found.heads else None


def _keep_boxes(member: Member, pet_id: str, found: Annotations) -> str | None:
    try:
        found.boxes[pet_id] = oxford.parse_heads(member.data)
    except BadInputError as error:
        found.damaged[pet_id] = line(error)
        del found.heads[pet_id]  # it is in quarantine now, whether or not its photo comes
    return found.damaged.get(pet_id)


def _keep_list(member: Member, found: Annotations, parameters: Parameters) -> str | None:
    text = member.data.decode("utf-8-sig", errors="replace")
    if found.listed is not None:
        return "Expected one list.txt; another came first."
    if len(text.splitlines()) > parameters.max_files:
        return f"Expected at most {parameters.max_files} lines (`max_files`)."
    found.listed = oxford.parse_list(text)
    return None


def _flat(member: Member) -> Member:
    """Name a member without its folder, as long as that is one of the known ones."""
    name = member.name.removeprefix("trimaps/").removeprefix("xmls/")
    return Member(member.part, name, member.data, member.problem)


def set_aside_rest(found: Annotations, photos: set[str], quarantine: Quarantine) -> None:
    """Put into quarantine what photos that never came have left, and bad lines of the list."""
    for shelf in (found.masks, found.heads):
        for pet_id in sorted(shelf.keys() - photos):
            quarantine.add(
                _flat(shelf[pet_id]), "Expected a photo of the same name. Received: none"
            )
    for number, problem in sorted(found.listing.problems.items()):
        _set_aside_lines(f"line-{number}", problem, quarantine)
    if unknown := sorted(found.listing.entries.keys() - photos):
        names = ", ".join(printable(pet_id) for pet_id in unknown[:NAMED])
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        problem = f"Expected a photo of each pet in list.txt. Received: none of {names}{more}"
        _set_aside_lines("pets-without-photo", problem, quarantine)


def _set_aside_lines(which: str, problem: str, quarantine: Quarantine) -> None:
    quarantine.add(Member("annotations", f"{LIST}-{which}", problem=problem), problem)
