"""One drawn photo with its trimap and head box: a pet posed before a scene."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from components.sample import coats, faces, poses, scenes
from components.sample.breeds import Breed
from components.sample.shapes import Field, Frame, Limb, cover, distance, frame, melt, noise
from components.segmentation import masks, photos

SEAM = 0.05


@dataclass(frozen=True, slots=True)
class Photograph:
    """A drawn photo, upright.

    Attributes:
        pixels: uint8, (height, width, 3).
        trimap: uint8, (height, width), of 1 pet, 2 background, 3 border.
        head: (xmin, ymin, xmax, ymax) in pixels counted from 1; None if it is cut off.
    """

    pixels: photos.Pixels
    trimap: masks.Trimap
    head: photos.Box | None


def take(breed: Breed, rng: Generator) -> Photograph:
    """Draw a pet of a breed in some pose and place."""
    size = _size(rng)
    pose = poses.pose(breed.species, rng)
    where = _place(pose, size, rng)
    window = _window(pose, where)
    body, ears = _outline(pose, where)
    skin = np.minimum(body, ears)
    fur = coats.coat(breed, where, np.maximum(-skin, 0), rng)
    fur *= 1 - (cover((ears - body) * 60) * np.float32(rng.uniform(0, 0.4)))[..., None]
    faces.face(fur[window], breed.species, pose.head, where.crop(*window), rng)
    picture = scenes.scene(size, coats.base_colour(breed), rng)
    _shade(picture, pose, where, rng)
    skin *= np.float32(where.scale)
    ragged = skin + noise(rng, size, (3, 3)) * np.float32(1.2)
    picture += (fur - picture) * cover(ragged / np.float32(1.5))[..., None]
    return Photograph(_exposed(picture, rng), _trimap(skin, rng), _box(*window))


def _size(rng: Generator) -> tuple[int, int]:
    long = 300 + int(rng.uniform() * rng.uniform() * 201)
    short = long * 3 // 4
    return (long, short) if rng.uniform() < 0.7 else (short, long)


def _place(pose: poses.Pose, size: tuple[int, int], rng: Generator) -> Frame:
    """Put a pet anywhere in the frame, from small to so near that the edge cuts it."""
    left, top, right, bottom = pose.reach
    room = min(size[0] / (right - left), size[1] / (bottom - top))
    scale = room * rng.uniform(0.68, 1.2)
    flip = bool(rng.uniform() < 0.5)
    middle = ((left + right) / 2 * scale * (-1 if flip else 1), (top + bottom) / 2 * scale)
    free = size[0] - (right - left) * scale, size[1] - (bottom - top) * scale
    x = size[0] / 2 - middle[0] + rng.uniform(-0.4, 0.4) * (abs(free[0]) + 0.08 * size[0])
    y = size[1] / 2 - middle[1] + rng.uniform(-0.4, 0.4) * (abs(free[1]) + 0.08 * size[1])
    return frame(size, (x, y), scale, rng.uniform(-0.09, 0.09), flip)


def _outline(pose: poses.Pose, where: Frame) -> tuple[Field, Field]:
    body = distance(pose.limbs[0], where)
    for limb in pose.limbs[1:]:
        body = melt(body, distance(limb, where), SEAM)
    ears = np.minimum(*(distance(ear, where) for ear in pose.ears))
    return body, ears


def _shade(picture: coats.Colours, pose: poses.Pose, where: Frame, rng: Generator) -> None:
    """Darken the ground under a pet."""
    left, _, right, bottom = pose.reach
    flat = Frame(where.x, (where.y - np.float32(bottom)) * 4, where.scale)
    under = Limb(left * 0.6, 0, 0.2, right * 0.6, 0, 0.2)
    soft = np.clip(np.float32(0.5) - distance(under, flat) / np.float32(0.4), 0, 1)
    picture *= (1 - soft * np.float32(rng.uniform(0, 0.4)))[..., None]


def _exposed(picture: coats.Colours, rng: Generator) -> photos.Pixels:
    """Take the photo: too bright or too dark, and with the sensor's noise."""
    height, width, _ = picture.shape
    picture *= np.float32(rng.uniform(0.8, 1.1))
    picture += (noise(rng, (width, height), (1, 1)) * np.float32(rng.uniform(0, 9)))[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _trimap(skin: Field, rng: Generator) -> masks.Trimap:
    """Draw the trimap: the border is 7 to 9 pixels on each side where the long side has 500."""
    width = max(skin.shape) * rng.uniform(7, 9) / 500
    trimap = np.full(skin.shape, masks.BACKGROUND, np.uint8)
    trimap[skin < width] = masks.BORDER
    trimap[skin < -width] = masks.PET
    return trimap


def _window(pose: poses.Pose, where: Frame) -> tuple[slice, slice]:
    """Find the rows and columns about a head, ears not counted; empty if it is out of the photo."""
    x, y, radius = pose.head
    near = (np.abs(where.x - np.float32(x)) < radius) & (np.abs(where.y - np.float32(y)) < radius)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _box(rows: slice, columns: slice) -> photos.Box | None:
    whole = rows.start < rows.stop
    return (columns.start + 1, rows.start + 1, columns.stop, rows.stop) if whole else None
