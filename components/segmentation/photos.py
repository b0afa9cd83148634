"""Photos as pixels: decoded, turned upright, brought to size.

The photos come from strangers, so whatever a decoder makes of them ends as one kind of error.
It knows no pet, no folder layout and no framework.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from ibid.stage.contract import BadInputError

Source = Path | IO[bytes]
Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]

ORIENTATION = 0x0112
UPRIGHT = 1
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# What photos come as. Pillow knows more, and for some of it starts other programs.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
# Beyond this Pillow warns, and beyond twice as many refuses, without telling width and height.
MOST_PIXELS = 89_000_000
MOST_PIXELS_OF_A_SIDE = 65_500  # libjpeg's, and all that can be encoded anew
# A JPEG may come in scans, each a few bytes and each of all pixels; usual are 1 to 12.
SCAN = b"\xff\xda"
MOST_PIXELS_OF_SCANS = 2_000_000_000
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo.

    Attributes:
        pixels: RGB, upright.
        format: what the file is, whatever its name says: JPEG, PNG, GIF …
        mode: Pillow's name for its channels.
        stored: (width, height) in the file, before turning.
        orientation: EXIF orientation, 1 to 8; 1 where there is none that can be used.
        several: the file holds several pictures, an animation say; this is the first.
        plain: the file is an upright RGB JPEG, so that its bytes can stay as they are.
    """

    pixels: Image.Image
    format: str
    mode: str
    stored: tuple[int, int]
    orientation: int
    several: bool
    plain: bool


def read(source: Source, most: int = MOST_PIXELS) -> Photo:
    """Decode a photo of at most that many pixels.

    Raises BadInputError for anything that cannot be decoded whole.
    """
    with decoded(source, "photo", FORMATS, most) as image:
        return _photo(image)


@contextmanager
def decoded(
    source: Source, what: str, formats: tuple[str, ...], most: int
) -> Iterator[Image.Image]:
    """Decode a picture, its first one if there are several; what fails inside is bad input too.

    Args:
        source: the file.
        what: the picture's name in errors.
        formats: Pillow's names of those that it may have.
        most: pixels; what declares more is not decoded.

    Raises BadInputError, and MemoryError: how much memory there is says nothing of the picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=formats) as image:
                _refuse_large(image, what, most)
                _refuse_slow(image, what)
                image.load()
                yield image
    except (BadInputError, MemoryError):
        raise
    except UnidentifiedImageError as error:  # its text holds a memory address
        known = f"none of {', '.join(formats)}"
        raise BadInputError(f"Expected a {what} that can be decoded.", received=known) from error
    except Image.DecompressionBombError as error:
        raise BadInputError(_fewer(what, most), received=f"{error}".partition(" exc")[0]) from error
    except Exception as error:  # bad bytes make decoders fail in any way they like
        raise BadInputError(
            f"Expected a {what} that can be decoded.", received=f"{type(error).__name__}: {error}"
        ) from error


def open_upright(source: Source) -> Image.Image:
    """Decode a photo as RGB, turned as its EXIF orientation says.

    Raises BadInputError for anything that cannot be decoded whole.
    """
    return read(source).pixels


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Turn stored pixels upright (Exif 2.32, tag 274)."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def turn_box(box: Box, stored: tuple[int, int], orientation: int) -> Box:
    """Find where `turn` takes a box of pixels.

    The box is (xmin, ymin, xmax, ymax), counted from 1, both ends included; `stored` is the
    (width, height) before turning.
    """
    first = _turn_point(box[0], box[1], stored, orientation)
    second = _turn_point(box[2], box[3], stored, orientation)
    (xmin, xmax), (ymin, ymax) = sorted((first[0], second[0])), sorted((first[1], second[1]))
    return xmin, ymin, xmax, ymax


def resize(image: Image.Image, size: int) -> Pixels:
    """Bring an RGB image to a square, each new pixel the mean of the area that it covers.

    Returns uint8, (size, size, 3).
    """
    return np.array(image.resize((size, size), Image.Resampling.BOX))


def brightness(image: Image.Image) -> int:
    """Return the luma (ITU-R BT.601), 0 to 255, that 99 of 100 pixels do not exceed."""
    counts = np.cumsum(image.convert("L").histogram())
    return int(np.searchsorted(counts, 0.99 * counts[-1]))


def encode(image: Image.Image, quality: int) -> bytes:
    """Encode an RGB image as JPEG 4:4:4 without metadata; `quality` is libjpeg's, 1 to 95."""
    buffer = BytesIO()
    image.save(buffer, format="JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def _photo(image: Image.Image) -> Photo:
    if image.mode not in MODES:
        raise BadInputError("Expected a photo of 8 bits a channel.", received=image.mode)
    found = _orientation(image)
    orientation = found if found in TURNS else UPRIGHT
    pixels = turn(_rgb(image), orientation)
    pixels.info.clear()  # a comment would be written into the next file
    several = bool(getattr(image, "is_animated", False))
    plain = image.format == "JPEG" and image.mode == "RGB" and found in (None, UPRIGHT)
    return Photo(pixels, str(image.format), image.mode, image.size, orientation, several, plain)


def _refuse_large(image: Image.Image, what: str, most: int) -> None:
    if image.width * image.height > most:
        raise BadInputError(_fewer(what, most), received=f"{image.width}x{image.height}")
    if max(image.size) > MOST_PIXELS_OF_A_SIDE:
        raise BadInputError(
            f"Expected a {what} of at most {MOST_PIXELS_OF_A_SIDE} pixels a side.",
            received=f"{image.width}x{image.height}",
        )


def _refuse_slow(image: Image.Image, what: str) -> None:
    """Raise BadInputError for a JPEG of so many scans that its decoder would take hours."""
    if image.format not in ("JPEG", "MPO") or image.fp is None:
        return
    position = image.fp.tell()
    image.fp.seek(0)
    scans = image.fp.read().count(SCAN)
    image.fp.seek(position)
    if scans * image.width * image.height > MOST_PIXELS_OF_SCANS:
        raise BadInputError(
            f"Expected a {what} of at most {MOST_PIXELS_OF_SCANS} pixels in all its scans.",
            received=f"{image.width}x{image.height} in {scans} scans",
        )


def _fewer(what: str, most: int) -> str:
    return f"Expected a {what} of at most {most} pixels (`max_megapixels`)."


def _turn_point(x: int, y: int, stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = stored
    if orientation in (2, 3, 7, 8):
        x = width + 1 - x
    if orientation in (3, 4, 6, 7):
        y = height + 1 - y
    return (y, x) if orientation >= 5 else (x, y)


def _orientation(image: Image.Image) -> object:
    """Read the EXIF orientation: None where there is none, "unreadable" where EXIF is damaged."""
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # as above; the pixels are good without it
        return "unreadable"


def _rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB; what is transparent becomes white, as a viewer shows it."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layers = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
