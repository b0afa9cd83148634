"""One pet: photo, mask and what is known of it, made together or not at all."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from components.ingest.annotations import Annotations
from components.ingest.member import Member
from components.ingest.parameters import MEGA, Parameters
from components.segmentation import masks, oxford, photos
from ibid.stage import canonical
from ibid.stage.contract import BadInputError

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Pet:
    """The three files of a pet, ready to be written."""

    image: bytes
    mask: bytes
    metadata: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write `image.jpg`, `mask.png` and `metadata.json` into a new folder."""
        folder.mkdir(parents=True)
        (folder / "image.jpg").write_bytes(self.image)
        (folder / "mask.png").write_bytes(self.mask)
        canonical.write_json(folder / "metadata.json", self.metadata)


def name_of(member: Member) -> str:
    """Find the pet id of a file among the images; raises BadInputError if it can be no photo's."""
    if not oxford.PLAIN.fullmatch(member.name):
        raise BadInputError(
            f"Expected a name of {oxford.PLAIN_MEANS}; in no folder.", received=member.name
        )
    path = Path(member.name)
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(
            f"Expected a photo ({', '.join(SUFFIXES)}).", received=path.suffix or member.name
        )
    return path.stem


def make(member: Member, pet_id: str, found: Annotations, parameters: Parameters) -> Pet:
    """Make a pet of a photo and its annotations.

    Args:
        member: the photo's file.
        pet_id: its name without suffix.
        found: the annotations of the upload.
        parameters: say what is too dark or too large, and how well to encode anew.

    Raises BadInputError if the photo or its mask is missing, unreadable, too large, of another
    size, or shows nothing.
    """
    if pet_id not in found.masks:
        raise BadInputError(
            "Expected a mask of the same name.", received=f"no trimaps/{pet_id}.png"
        )
    if not member.data:
        raise BadInputError("Expected a photo.", received="an empty file")
    most = parameters.max_megapixels * MEGA
    photo = photos.read(BytesIO(member.data), most)
    mask = masks.read(BytesIO(found.masks[pet_id].data), most)
    _check(photo, mask, parameters.min_brightness)
    return Pet(
        member.data if photo.plain else photos.encode(photo.pixels, parameters.jpeg_quality),
        _mask_bytes(mask, found.masks[pet_id].data, photo.orientation),
        _metadata(member, pet_id, found, photo, mask),
    )


def _check(photo: photos.Photo, mask: masks.Mask, min_brightness: int) -> None:
    """Raise BadInputError unless there is something to learn from a photo and its mask."""
    height, width = mask.trimap.shape
    if (width, height) != photo.stored:
        raise BadInputError(
            "Expected a mask of the photo's size.",
            received=f"mask {width}x{height}, photo {photo.stored[0]}x{photo.stored[1]}",
        )
    if (mask.trimap == mask.trimap[0, 0]).all():
        only = masks.CLASSES[int(mask.trimap[0, 0]) - 1]
        raise BadInputError("Expected a mask of more than one class.", received=f"only {only}")
    brightness = photos.brightness(photo.pixels)
    if brightness < min_brightness:
        raise BadInputError(
            f"Expected a photo that is not all dark (`min_brightness` {min_brightness}).",
            received=f"99 of 100 pixels at {brightness} of 255 or darker",
        )


def _mask_bytes(mask: masks.Mask, data: bytes, orientation: int) -> bytes:
    if mask.plain and orientation == photos.UPRIGHT:
        return data
    return masks.encode(masks.turn(mask.trimap, orientation))


def _metadata(
    member: Member, pet_id: str, found: Annotations, photo: photos.Photo, mask: masks.Mask
) -> dict[str, Any]:
    notes: list[str] = []
    if not photo.plain:
        notes.append(f"encoded anew: the file was not an upright RGB JPEG but {_was(photo)}")
    if photo.several:
        notes.append("several pictures in one file: the first was taken")
    if not (mask.trimap == masks.PET).any():
        notes.append("the mask shows no pet")
    return {
        "pet_id": pet_id,
        **_kind(pet_id, found.listing, notes),
        "width": photo.pixels.width,
        "height": photo.pixels.height,
        "heads": _heads(pet_id, found, photo, notes),
        "source": {"file": member.name, "sha256": hashlib.sha256(member.data).hexdigest()},
        "notes": notes,
    }


def _was(photo: photos.Photo) -> str:
    return f"{photo.format}, {photo.mode}, EXIF orientation {photo.orientation}"


def _kind(pet_id: str, listing: oxford.Listing, notes: list[str]) -> dict[str, Any]:
    """Tell breed, species and class, from the list if it has the pet, else from the name."""
    breed = oxford.breed_of(pet_id)
    entry = listing.entries.get(pet_id)
    if entry is not None:
        return {"breed": breed, "species": entry.species, "class_id": entry.class_id}
    class_id = listing.classes.get(breed)
    found = "class from its breed" if class_id is not None else "no class: none of its breed is"
    notes.append(f"not in list.txt: breed and species from its name, {found}")
    return {"breed": breed, "species": oxford.species_of(breed), "class_id": class_id}


def _heads(
    pet_id: str, found: Annotations, photo: photos.Photo, notes: list[str]
) -> list[dict[str, int]]:
    """Turn a pet's head boxes with the photo; a damaged file costs only the boxes."""
    boxes = found.boxes.get(pet_id, [])
    if pet_id in found.damaged:
        notes.append(f"no head box: {found.damaged[pet_id]}")
    inside = [box for box in boxes if _is_inside(box, photo.stored)]
    if len(inside) < len(boxes):
        notes.append(f"head boxes left out: {len(boxes) - len(inside)} beyond the photo")
    turned = (photos.turn_box(box, photo.stored, photo.orientation) for box in inside)
    return [dict(zip(oxford.CORNERS, box, strict=True)) for box in turned]


def _is_inside(box: photos.Box, size: tuple[int, int]) -> bool:
    """Tell whether a box, counted from 1, lies within a photo of (width, height)."""
    left, top, right, bottom = box
    return 1 <= left <= right <= size[0] and 1 <= top <= bottom <= size[1]
