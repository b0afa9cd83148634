"""Distances to rounded shapes, how they melt together, and smooth noise.

Only sums, products, quotients and square roots: IEEE 754 fixes these to the last bit, so that
another processor draws the same pixels. Sines and exponentials are not fixed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Limb:
    """A round cone: a point with a radius, and another; both ends the same make a disc."""

    x0: float
    y0: float
    r0: float
    x1: float
    y1: float
    r1: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A pet's own coordinates, its length the unit, over the pixels of a photo.

    Attributes:
        x: float32, (height, width), to where the pet looks.
        y: float32, (height, width), downwards.
        scale: pixels a unit.
    """

    x: Field
    y: Field
    scale: float

    def crop(self, rows: slice, columns: slice) -> "Frame":
        """Keep only a window of the photo."""
        return Frame(self.x[rows, columns], self.y[rows, columns], self.scale)


def frame(
    size: tuple[int, int], centre: tuple[float, float], scale: float, lean: float, flip: bool
) -> Frame:
    """Lay a pet's coordinates over a photo of (width, height).

    `lean` is the tangent of half the angle by which the pet is turned: sine and cosine follow
    from it by arithmetic alone.
    """
    width, height = size
    x = (np.arange(width, dtype=np.float32) - np.float32(centre[0])) / np.float32(scale)
    y = (np.arange(height, dtype=np.float32) - np.float32(centre[1])) / np.float32(scale)
    cosine = np.float32((1 - lean * lean) / (1 + lean * lean))
    sine = np.float32(2 * lean / (1 + lean * lean))
    turned_x = cosine * x[None, :] + sine * y[:, None]
    turned_y = cosine * y[:, None] - sine * x[None, :]
    return Frame(-turned_x if flip else turned_x, turned_y, scale)


def distance(limb: Limb, where: Frame) -> Field:
    """Measure from each pixel to a limb's skin, in units; negative inside."""
    dx, dy = np.float32(limb.x1 - limb.x0), np.float32(limb.y1 - limb.y0)
    px, py = where.x - np.float32(limb.x0), where.y - np.float32(limb.y0)
    length = max(dx * dx + dy * dy, np.float32(1e-12))
    along = np.clip((px * dx + py * dy) / length, 0, 1)
    px -= along * dx
    py -= along * dy
    radius = np.float32(limb.r0) + along * np.float32(limb.r1 - limb.r0)
    apart: Field = np.sqrt(px * px + py * py) - radius
    return apart


def melt(one: Field, other: Field, softness: float) -> Field:
    """Join two distances with a rounded seam (I. Quilez's polynomial smooth minimum)."""
    soft = np.float32(softness)
    share: Field = np.clip(np.float32(0.5) + np.float32(0.5) * (other - one) / soft, 0, 1)
    return other + share * (one - other) - soft * share * (1 - share)


def cover(pixels: Field) -> Field:
    """Turn a distance in pixels into how much of each pixel is covered, 0 to 1."""
    return ramp(pixels, 0.5, -1)


def ramp(field: Field, start: float, slope: float) -> Field:
    """Rise from 0, where a field passes `start`, to 1."""
    risen: Field = np.clip((field - np.float32(start)) * np.float32(slope), 0, 1)
    return risen


def noise(rng: Generator, size: tuple[int, int], cell: tuple[float, float]) -> Field:
    """Draw smooth noise, -1 to 1, (height, width), its grain `cell` pixels wide and high."""
    width, height = size
    columns, rows = int(width / cell[0]) + 3, int(height / cell[1]) + 3
    grid = Image.fromarray(rng.integers(0, 256, (rows, columns), dtype=np.uint8))
    box = (1, 1, 1 + width / cell[0], 1 + height / cell[1])
    smooth = np.asarray(grid.resize(size, Image.Resampling.BICUBIC, box=box), dtype=np.float32)
    return smooth / np.float32(127.5) - 1
