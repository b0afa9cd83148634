"""What is behind a pet: rooms, meadows, blankets, and things in the colours of fur."""

import numpy as np
from numpy.random import Generator

from components.sample.coats import Colours
from components.sample.shapes import Field, Limb, cover, distance, frame, noise, ramp

# Grass, sea, slate, wine, and two that fur has as well: tan and brown.
GROUNDS = (
    (106, 138, 62),
    (78, 112, 58),
    (136, 152, 84),
    (84, 104, 140),
    (70, 112, 124),
    (112, 124, 146),
    (150, 76, 84),
    (124, 84, 124),
    (166, 148, 122),
    (124, 94, 70),
)
# Plaster and paint, sky, leaves.
WALLS = (
    (186, 190, 150),
    (150, 170, 186),
    (110, 146, 108),
    (196, 168, 184),
    (84, 88, 112),
    (170, 196, 176),
    (126, 148, 200),
    (206, 196, 178),
    (150, 128, 108),
    (58, 82, 70),
)


def scene(size: tuple[int, int], fur: Colours, rng: Generator) -> Colours:
    """Draw a background of (width, height), one of ten lying near the colour of the fur.

    Returns float32, (height, width, 3), 0 to 255 and a little beyond.
    """
    near = fur + rng.uniform(-30, 30) if rng.uniform() < 0.1 else None
    ground = _pick(GROUNDS, rng) if near is None else near.astype(np.float32)
    picture = _backdrop(size, ground, rng)
    for _ in range(int(rng.integers(1, 5))):
        _thing(picture, size, fur, rng)
    return picture


def _backdrop(size: tuple[int, int], ground: Colours, rng: Generator) -> Colours:
    """Ground below, wall above, an edge between them or a slow change."""
    width, height = size
    across = np.arange(width, dtype=np.float32)[None, :] / width
    down = np.arange(height, dtype=np.float32)[:, None] / height
    edge = down - np.float32(rng.uniform(0.15, 0.75)) - across * np.float32(rng.uniform(-0.2, 0.2))
    blur = float(rng.choice([1.5, 8, 120]))
    share = ramp(edge, -0.5 / blur, blur)[..., None]
    picture = _textured(size, _pick(WALLS, rng), rng)
    picture += (_textured(size, ground, rng) - picture) * share
    return picture


def _textured(size: tuple[int, int], colour: Colours, rng: Generator) -> Colours:
    """Give a colour slow light, and the grain of grass, carpet or plaster."""
    slow = noise(rng, size, (size[0] / 3, size[1] / 3)) * np.float32(rng.uniform(8, 26))
    cell = rng.uniform(2, 6), rng.uniform(2, 9)
    grain = noise(rng, size, cell) * np.float32(rng.uniform(2, 12))
    texture = slow + grain + (_weave(size, rng) if rng.uniform() < 0.25 else 0)
    textured: Colours = colour + texture[..., None]
    return textured


def _weave(size: tuple[int, int], rng: Generator) -> Field:
    """Draw the stripes or checks of a blanket."""
    step = np.float32(rng.uniform(14, 46))
    high = np.float32(rng.uniform(8, 26))
    across: Field = np.floor(np.arange(size[0], dtype=np.float32) / step) % 2 * high
    down: Field = np.floor(np.arange(size[1], dtype=np.float32) / step) % 2 * high
    checks = down if rng.uniform() < 0.5 else np.zeros_like(down)
    return across[None, :] + checks[:, None] - high


def _thing(picture: Colours, size: tuple[int, int], fur: Colours, rng: Generator) -> None:
    """Lay a rounded thing into the picture: cushion, ball, plank; some are as brown as a dog."""
    long = max(size)
    reach, girth = rng.uniform(0, 0.3) * long, rng.uniform(0.02, 0.13) * long
    x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
    left, right = _span(x, reach + girth, size[0])
    top, bottom = _span(y, reach + girth, size[1])
    window = (right - left, bottom - top)
    where = frame(window, (x - left, y - top), 1, rng.uniform(-1, 1), False)
    shape = distance(Limb(0, 0, girth, reach, 0, girth * rng.uniform(0.6, 1)), where)
    colour = fur if rng.uniform() < 0.12 else _pick(GROUNDS + WALLS, rng)
    rim = ramp(shape, -girth, 0.2 / girth)
    light = np.float32(rng.uniform(0.75, 1.2)) * (1 - np.clip(rim, 0, np.float32(0.2)))
    lit = colour * light[..., None] + (noise(rng, window, (4, 4)) * 8)[..., None]
    share = cover(shape / np.float32(rng.choice([1, 1, 4])))[..., None]
    under = picture[top:bottom, left:right]
    under += (lit - under) * share


def _span(middle: float, reach: float, end: int) -> tuple[int, int]:
    return max(0, int(middle - reach) - 4), min(end, int(middle + reach) + 5)


def _pick(colours: tuple[tuple[int, int, int], ...], rng: Generator) -> Colours:
    colour = np.array(colours[int(rng.integers(len(colours)))])
    return (colour + rng.uniform(-16, 16, 3)).astype(np.float32)
