"""Photos seen anew in each epoch: mirrored, moved, zoomed, in another light.

Stateless: what happens to a pet is a function of (seed, pet id, epoch), so neither the order of a
batch nor a thread nor a resumed run can change it.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from components.segmentation.dataset import Pixels

ZOOM = (0.75, 1.0)
CONTRAST = (0.8, 1.2)
BRIGHTNESS = (-25.0, 25.0)


def augment(
    photo: Pixels, mask: Pixels, *, seed: int, pet: str, epoch: int
) -> tuple[Pixels, Pixels]:
    """Mirror, crop and relight a photo, and its mask with it.

    Args:
        photo: uint8 (size, size, 3).
        mask: uint8 (size, size, 3) in {0, 1}; moved with the photo, its light unchanged.
        seed: the run's.
        pet: the pet's id.
        epoch: counted from 1.

    Returns:
        Photo and mask of the same shapes and dtypes, by nearest neighbour.
    """
    draw = generator(seed, pet, epoch)
    size = len(photo)
    zoom = draw.uniform(*ZOOM)
    rows, columns = _span(draw, size, zoom), _span(draw, size, zoom)
    if draw.random() < 0.5:
        columns = columns[::-1]
    cut = np.ix_(rows, columns)
    return _light(draw)[photo[cut]], mask[cut]


def generator(*key: object) -> np.random.Generator:
    """Make a generator of random numbers that is a function of the key's words alone."""
    words = "/".join(str(word) for word in key)
    return np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest()[:16]))


def _span(draw: np.random.Generator, size: int, zoom: float) -> NDArray[np.intp]:
    """Choose `size` rows (or columns) out of a window of `zoom * size` somewhere in the photo."""
    start = draw.uniform(0, size * (1 - zoom))
    return (start + zoom * (np.arange(size) + 0.5)).astype(np.intp)


def _light(draw: np.random.Generator) -> Pixels:
    """Tabulate contrast and brightness for each of the 256 values."""
    contrast, brightness = draw.uniform(*CONTRAST), draw.uniform(*BRIGHTNESS)
    table = (np.arange(256) - 127.5) * contrast + 127.5 + brightness
    return np.clip(table, 0, 255).astype(np.uint8)
