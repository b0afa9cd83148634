"""Trimaps and the three exclusive channels that the model learns.

The values 1, 2, 3 are Oxford's; the order of the channels is the order of `CLASSES` everywhere.
It knows no folder layout and no framework.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.segmentation import photos
from ibid.stage.contract import BadInputError

CLASSES = ("pet", "background", "border")
PET, BACKGROUND, BORDER = 1, 2, 3

Trimap = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Mask:
    """A decoded trimap.

    Attributes:
        trimap: uint8, (height, width), of 1 pet, 2 background, 3 border.
        plain: the file is an 8-bit grey PNG, so that its bytes can stay as they are.
    """

    trimap: Trimap
    plain: bool


def read(source: photos.Source, most: int = photos.MOST_PIXELS) -> Mask:
    """Decode a trimap of at most that many pixels.

    Raises BadInputError if it is none or holds other values than 1, 2, 3.
    """
    with photos.decoded(source, "mask", ("PNG",), most) as image:
        mode, trimap = image.mode, np.array(image)
    if mode not in ("L", "P"):
        raise BadInputError("Expected a mask of one 8-bit channel.", received=mode)
    values = np.flatnonzero(np.bincount(trimap.ravel(), minlength=256))
    if not set(values) <= {PET, BACKGROUND, BORDER}:
        raise BadInputError(
            "Expected a mask of 1 pet, 2 background, 3 border.",
            received=", ".join(str(value) for value in values[:8]),
        )
    return Mask(trimap, mode == "L")


def turn(trimap: Trimap, orientation: int) -> Trimap:
    """Turn a trimap together with its photo, by the photo's EXIF orientation."""
    return np.array(photos.turn(Image.fromarray(trimap), orientation))


def to_channels(trimap: Trimap) -> photos.Pixels:
    """Split a trimap into exclusive channels, in the order of `CLASSES`.

    Takes uint8, (height, width); returns uint8 of 0 and 1, (height, width, 3).
    """
    classes = np.array([PET, BACKGROUND, BORDER], np.uint8)
    return np.equal(trimap[..., None], classes).astype(np.uint8)


def resize(trimap: Trimap, size: int) -> Trimap:
    """Bring a trimap to a square by its nearest pixels, so that no new value arises.

    Takes uint8, (height, width); returns uint8, (size, size).
    """
    return np.array(Image.fromarray(trimap).resize((size, size), Image.Resampling.NEAREST))


def encode(trimap: Trimap) -> bytes:
    """Encode a trimap as grey PNG, uncompressed: deflate's output differs between its builds."""
    buffer = BytesIO()
    Image.fromarray(trimap).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()
