"""How pets stand, sit, lie and look into the lens, as limbs in lengths of a pet.

x runs to where the pet looks, y downwards, the body lies about the origin. No pixels here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from components.sample.shapes import Limb

Head = tuple[float, float, float]
Posed = tuple[list[Limb], Head]


@dataclass(frozen=True, slots=True)
class Pose:
    """A pet's outline.

    Attributes:
        limbs: what the body is made of.
        ears: drawn apart, for their colour.
        head: x, y, radius.
        reach: (left, top, right, bottom) of it all, in units.
    """

    limbs: tuple[Limb, ...]
    ears: tuple[Limb, ...]
    head: Head
    reach: tuple[float, float, float, float]


def pose(species: str, rng: Generator) -> Pose:
    """Draw a pose by chance for a cat or a dog."""
    make = POSES[int(rng.integers(len(POSES)))]
    limbs, head = make(species, rng)
    ears = _ears(species, head, rng)
    face = _face(species, head)
    return Pose((*limbs, *face), ears, head, _reach([*limbs, *ears, *face]))


def _standing(species: str, rng: Generator) -> Posed:
    cat = species == "cat"
    girth, length = rng.uniform(0.17, 0.23), rng.uniform(0.40, 0.52) if cat else 0.55
    foot = girth + rng.uniform(0.22, 0.38)
    head = (rng.uniform(0.50, 0.66), rng.uniform(-0.38, -0.1), rng.uniform(0.17, 0.21))
    limbs = [
        Limb(-0.38, 0.0, girth, 0.36, -0.02, girth * 0.95),
        Limb(0.34, -0.06, girth * 0.8, head[0] - 0.05, head[1] + 0.03, head[2] * 0.75),
    ]
    for hip in (-0.44, -0.30, 0.26, 0.40):
        step = hip + rng.uniform(-0.09, 0.09)
        limbs.append(Limb(hip, 0.05, 0.105, step, foot, 0.055))
        limbs.append(Limb(step, foot, 0.055, step + 0.05, foot + 0.01, 0.05))
    return limbs + _tail((-0.52, -0.06), length, cat, rng), head


def _sitting(species: str, rng: Generator) -> Posed:
    cat = species == "cat"
    girth = rng.uniform(0.24, 0.31)
    head = (rng.uniform(0.02, 0.20), rng.uniform(-0.62, -0.46), rng.uniform(0.19, 0.23))
    limbs = [
        Limb(-0.06, 0.26, girth, 0.06, -0.16, girth * 0.68),
        Limb(0.06, -0.16, 0.17, head[0], head[1] + 0.06, head[2] * 0.8),
        Limb(-0.16, 0.36, 0.2, 0.04, 0.5, 0.075),
        Limb(0.10, -0.05, 0.1, 0.16, 0.54, 0.06),
        Limb(0.22, 0.0, 0.09, 0.27 + rng.uniform(-0.03, 0.05), 0.53, 0.06),
    ]
    return limbs + _tail((-0.26, 0.45), 0.45, cat, rng, along=True), head


def _lying(species: str, rng: Generator) -> Posed:
    cat = species == "cat"
    girth = rng.uniform(0.19, 0.25)
    head = (rng.uniform(0.40, 0.56), rng.uniform(-0.20, 0.04), rng.uniform(0.17, 0.21))
    limbs = [
        Limb(-0.34, 0.08, girth, 0.30, 0.08, girth * 0.85),
        Limb(-0.38, 0.16, girth * 0.85, -0.16, 0.27, 0.08),
        Limb(0.28, 0.02, girth * 0.75, head[0], head[1] + 0.03, head[2] * 0.8),
        Limb(0.26, 0.20, 0.09, 0.62 + rng.uniform(-0.08, 0.1), 0.27, 0.055),
        Limb(0.20, 0.24, 0.08, 0.52 + rng.uniform(-0.1, 0.1), 0.31, 0.055),
    ]
    return limbs + _tail((-0.50, 0.2), 0.45, cat, rng, along=True), head


def _portrait(species: str, rng: Generator) -> Posed:
    head = (rng.uniform(-0.06, 0.06), -0.28, rng.uniform(0.30, 0.35))
    shoulder = rng.uniform(-0.12, 0.12)
    limbs = [
        Limb(head[0], head[1] + 0.1, 0.24, shoulder, 0.42, 0.36),
        Limb(shoulder, 0.42, 0.36, shoulder * 2, 0.9, 0.42),
    ]
    return limbs, head


POSES: tuple[Callable[[str, Generator], Posed], ...] = (
    _standing,
    _sitting,
    _lying,
    _portrait,
)


def _tail(
    root: tuple[float, float], length: float, cat: bool, rng: Generator, along: bool = False
) -> list[Limb]:
    """Hang a tail of two pieces behind a body; `along` lays it on the ground."""
    thick, thin = (0.055, 0.04) if cat else (0.07, 0.035)
    up = rng.uniform(-0.25, 0.1) if along else rng.uniform(-1.0, 0.5)
    x1, y1 = root[0] - length * 0.5, root[1] + length * 0.5 * up
    bend = rng.uniform(-0.3, 0.1) if along else rng.uniform(-1.1, 0.2)
    x2, y2 = x1 - length * 0.35, y1 + length * 0.5 * bend
    return [Limb(*root, thick * 1.3, x1, y1, thick), Limb(x1, y1, thick, x2, y2, thin)]


def _ears(species: str, head: Head, rng: Generator) -> tuple[Limb, ...]:
    """Cats' ears are pointed; dogs' hang, and some stand."""
    x, y, r = head
    if species == "cat":
        tip = rng.uniform(1.35, 1.6)
        return tuple(
            Limb(x + s * r * 0.56, y - r * 0.62, r * 0.36, x + s * r * 0.8, y - r * tip, r * 0.05)
            for s in (-1, 1)
        )
    if rng.uniform() < 0.3:
        return tuple(
            Limb(x + s * r * 0.6, y - r * 0.6, r * 0.3, x + s * r * 0.75, y - r * 1.3, r * 0.16)
            for s in (-1, 1)
        )
    drop = rng.uniform(0.3, 0.75)
    return tuple(
        Limb(x + s * r * 0.8, y - r * 0.55, r * 0.27, x + s * r * 1.15, y + r * drop, r * 0.3)
        for s in (-1, 1)
    )


def _face(species: str, head: Head) -> list[Limb]:
    x, y, r = head
    if species == "cat":
        return [Limb(x - r * 0.12, y, r * 0.97, x + r * 0.12, y, r * 0.97)]
    return [
        Limb(x, y - r * 0.1, r * 0.9, x, y, r * 0.9),
        Limb(x, y + r * 0.35, r * 0.55, x, y + r * 0.55, r * 0.55),
    ]


def _reach(limbs: list[Limb]) -> tuple[float, float, float, float]:
    return (
        min(min(p.x0 - p.r0, p.x1 - p.r1) for p in limbs),
        min(min(p.y0 - p.r0, p.y1 - p.r1) for p in limbs),
        max(max(p.x0 + p.r0, p.x1 + p.r1) for p in limbs),
        max(max(p.y0 + p.r0, p.y1 + p.r1) for p in limbs),
    )
