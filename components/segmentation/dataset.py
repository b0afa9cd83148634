"""A split of photos and masks, decoded once into arrays.

It reads what `transform` wrote and knows nothing of models: a hundred photos of 128 x 128 are five
megabytes, so everything that learns or scores works on arrays in memory.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.segmentation.partition import PARTITIONS
from ibid.stage.contract import BadInputError

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Split:
    """Photos with their masks, in the order of their ids.

    Attributes:
        ids: pet ids, sorted.
        photos: uint8 (n, size, size, 3), RGB.
        masks: uint8 (n, size, size, 3) in {0, 1}, channels as in `masks.CLASSES`.
        metadata: what `metadata.json` says of each pet.
    """

    ids: tuple[str, ...]
    photos: Pixels
    masks: Pixels
    metadata: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> int:
        """Height and width of a photo."""
        return int(self.photos.shape[1])


def load(folder: Path) -> Split:
    """Decode one split: a folder of `<pet_id>/{image.png,mask.png,metadata.json}`.

    Raises BadInputError if there is no pet in it, or if the pictures are not of one size.
    """
    pets = _pets(folder)
    if not pets:
        raise BadInputError(
            f"Expected photos in the split {folder.name}.",
            received=", ".join(f"{name} {len(_pets(folder.parent / name))}" for name in PARTITIONS),
            hint="ibid put stream PHOTOS/ with more pets: their names decide where each goes",
        )
    photos, masks = _stack(pets, "image.png"), _stack(pets, "mask.png")
    if photos.shape != masks.shape:
        raise BadInputError(
            f"Expected photos and masks of one size in {folder.name}.",
            received=f"photos {photos.shape}, masks {masks.shape}",
        )
    metadata = (json.loads((pet / "metadata.json").read_text(encoding="utf-8")) for pet in pets)
    ids = tuple(pet.name for pet in pets)
    return Split(ids, photos, (masks > 127).astype(np.uint8), tuple(metadata))


def mean_mask(split: Split) -> NDArray[np.float32]:
    """Average the masks: the constant prediction that a model has to beat.

    Returns float32 (size, size, 3), the share of pets of which each pixel is each class.
    """
    mean: NDArray[np.float32] = split.masks.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _pets(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _stack(pets: list[Path], name: str) -> Pixels:
    pictures = [_decode(pet / name) for pet in pets]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise BadInputError(f"Expected every {name} of one size.", received=sorted(sizes))
    return np.stack(pictures)


def _decode(path: Path) -> Pixels:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise BadInputError(
            f"Expected a picture in {path.parent.name}/{path.name}.", received=error
        ) from error
