"""Fur: a breed's colours in its pattern, with grain, and light from above."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from components.sample.breeds import Breed
from components.sample.shapes import Field, Frame, noise, ramp

Colours = NDArray[np.float32]


def coat(breed: Breed, where: Frame, inside: Field, rng: Generator) -> Colours:
    """Colour a whole photo with a pet's fur; `inside` is the depth under the skin, in units.

    Returns float32, (height, width, 3), 0 to 255 and a little beyond.
    """
    size = (inside.shape[1], inside.shape[0])
    coats = breed.coats[int(rng.integers(len(breed.coats)))]
    tint = rng.uniform(-12, 12) + rng.uniform(-6, 6, 3)
    base, second = np.array(coats, np.float32) + tint.astype(np.float32)
    colours: Colours = (second - base) * _pattern(breed.pattern, where, size, rng)[..., None]
    colours += base
    rounded = np.float32(0.52) + np.float32(0.56) * inside / (inside + np.float32(0.07))
    colours *= (rounded * (1 - np.float32(0.16) * np.clip(where.y, -1, 1)))[..., None]
    colours += (noise(rng, size, (2.2, 5)) * 13 + noise(rng, size, (8, 13)) * 15)[..., None]
    return colours


def base_colour(breed: Breed) -> NDArray[np.float32]:
    """Give a colour that is hard to tell from the breed's."""
    return np.array(breed.coats[0][0], np.float32)


def _pattern(kind: str, where: Frame, size: tuple[int, int], rng: Generator) -> Field:
    """Say how much of the second colour each pixel has, 0 to 1."""
    cell = where.scale
    if kind == "stripes":
        waves = where.x * np.float32(rng.uniform(6, 10)) + noise(rng, size, (cell / 4, cell / 3))
        wave = np.abs(waves - np.floor(waves) - np.float32(0.5)) * 2
        return ramp(wave, 0.55, 5)
    if kind == "spots":
        return ramp(noise(rng, size, (cell / 9, cell / 9)), 0.3, 8)
    if kind == "patches":
        return ramp(noise(rng, size, (cell / 2.4, cell / 2.4)), rng.uniform(-0.1, 0.25), 10)
    if kind == "bib":
        low = where.y + noise(rng, size, (cell / 3, cell / 3)) * np.float32(0.12)
        return ramp(low, rng.uniform(0.08, 0.3), 14)
    return ramp(noise(rng, size, (cell / 3, cell / 3)), 0, 1) * np.float32(0.7)
