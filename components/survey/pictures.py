"""A pet in small, with its mask: what the model is asked to find stands out of what it is not."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ibid.stage import canonical

SIDE = 96
BORDER = (213, 94, 0)  # Okabe and Ito's vermilion, which colour-blind readers can tell from green
PAPER = (255, 255, 255)


def thumbnail(pet: Path) -> bytes:
    """Draw a pet from its folder: `image.png`, with the masks of `mask.png` laid over it.

    Returns a PNG of 96 x 96: the background pale, the border coloured.
    """
    with Image.open(pet / "image.png") as photo, Image.open(pet / "mask.png") as mask:
        seen, shares = _small(photo), _small(mask) / 255
    _, background, border = (shares[..., i, None] for i in range(3))
    shown = _towards(_towards(seen, PAPER, background * 0.6), BORDER, border * 0.75)
    return canonical.png_bytes(np.rint(shown).astype(np.uint8))


def _small(picture: Image.Image) -> NDArray[np.float64]:
    size = (SIDE, SIDE)
    small = picture.convert("RGB").resize(size, Image.Resampling.BOX)
    return np.asarray(small, np.float64)


def _towards(
    pixels: NDArray[np.float64], colour: tuple[int, int, int], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    nearer: NDArray[np.float64] = pixels * (1 - share) + np.array(colour) * share
    return nearer
