"""Eyes, nose and muzzle, painted over the fur of a head."""

import numpy as np
from numpy.random import Generator

from components.sample.breeds import Colour
from components.sample.coats import Colours
from components.sample.poses import Head
from components.sample.shapes import Frame, Limb, cover, distance

EYES = {"cat": ((150, 170, 70), (200, 160, 60), (110, 150, 170)), "dog": ((96, 60, 34),)}
NOSES = {"cat": (196, 120, 116), "dog": (26, 22, 24)}
MUZZLE, DARK, GLINT = (226, 214, 200), (26, 22, 24), (250, 250, 250)


def face(fur: Colours, species: str, head: Head, where: Frame, rng: Generator) -> None:
    """Paint a face into the fur about a head of x, y, radius, in units of the frame."""
    x, y, r = head
    x += rng.uniform(-0.25, 0.25) * r
    iris = EYES[species][int(rng.integers(len(EYES[species])))]
    _dab(fur, _across(x, y + r * 0.48, r * 0.1, r * 0.4), MUZZLE, 0.45, where)
    for side in (-1, 1):
        _eye(fur, (x + side * r * 0.4, y - r * 0.1, r), iris, species, where)
    nose = r * (0.08 if species == "cat" else 0.15)
    _dab(fur, _across(x, y + r * 0.28, nose, nose), NOSES[species], 1, where)
    _dab(fur, Limb(x, y + r * 0.4, r * 0.03, x, y + r * 0.6, r * 0.03), DARK, 0.7, where)


def _eye(fur: Colours, at: Head, iris: Colour, species: str, where: Frame) -> None:
    x, y, r = at
    slit = r * 0.06 if species == "cat" else 0
    _dab(fur, _across(x, y, r * 0.04, r * 0.16), iris, 1, where)
    _dab(fur, Limb(x, y - slit, r * 0.08, x, y + slit, r * 0.08), DARK, 1, where)
    _dab(fur, _across(x + r * 0.05, y - r * 0.05, 0, r * 0.03), GLINT, 1, where)


def _across(x: float, y: float, half: float, radius: float) -> Limb:
    return Limb(x - half, y, radius, x + half, y, radius)


def _dab(fur: Colours, shape: Limb, colour: Colour, strength: float, where: Frame) -> None:
    share = cover(distance(shape, where) * np.float32(where.scale))[..., None]
    fur += (np.array(colour, np.float32) - fur) * (share * np.float32(strength))
