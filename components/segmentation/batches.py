"""Photos in batches, by an order that is ours: a function of the seed and the epoch.

It knows no framework; a batch is two arrays. What softens a batch is a function of (seed, epoch,
step), so that any step can be had again without those before it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from components.segmentation.augmentation import augment, generator
from components.segmentation.dataset import Pixels, Split
from components.segmentation.recipe import Recipe
from components.segmentation.softening import Soft, mix, smooth
from ibid.stage.contract import BadInputError

Item = TypeVar("Item")


def batches(split: Split, recipe: Recipe, epoch: int) -> Iterator[tuple[Pixels, Pixels | Soft]]:
    """Cut one epoch into batches of one shape, in an order that is a function of (seed, epoch).

    What is left over at the end is left out of that epoch; another epoch's order has it earlier.

    Yields photos, uint8 (batch_size, size, size, 3), and their masks, of the same shape: uint8 in
    {0, 1}, or float32 in [0, 1] if the recipe softens them. Raises BadInputError if a batch is
    larger than the split, or has no two photos to mix.
    """
    refuse_larger(recipe.batch_size, split)
    if recipe.mixup_alpha and recipe.batch_size < 2:
        raise BadInputError(
            "Expected batches of at least 2 photos, as mixup mixes those of one batch.",
            received=f"batch_size {recipe.batch_size}, mixup_alpha {recipe.mixup_alpha}",
            hint="make batch_size larger, or mixup_alpha 0",
        )
    order = generator(recipe.seed, "order", epoch).permutation(len(split))
    for step, start in enumerate(range(0, len(split) - recipe.batch_size + 1, recipe.batch_size)):
        chosen = order[start : start + recipe.batch_size]
        if recipe.augment:
            pairs = [_augmented(split, i, recipe.seed, epoch) for i in chosen]
            photos, masks = (np.stack(part) for part in zip(*pairs, strict=True))
        else:
            photos, masks = split.photos[chosen], split.masks[chosen]
        yield _softened(photos, masks, recipe, epoch, step)


def refuse_larger(batch_size: int, split: Split) -> None:
    """Refuse a batch that the split cannot fill: raises BadInputError with both counts."""
    if batch_size > len(split):
        raise BadInputError(
            "Expected a batch no larger than the training split.",
            received=f"batch_size {batch_size}, {len(split)} photos",
            hint=f"ibid params train.batch_size={len(split)} model.batch_size={len(split)} "
            f"'tune.batch_sizes=[{len(split)}]' --commit, or put more photos",
        )


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Make each item in a thread while the one before it is in use."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, items, None)
        while (item := following.result()) is not None:
            following = pool.submit(next, items, None)
            yield item


def _softened(
    photos: Pixels, masks: Pixels, recipe: Recipe, epoch: int, step: int
) -> tuple[Pixels, Pixels | Soft]:
    soft = smooth(masks, recipe.label_smoothing) if recipe.label_smoothing else masks
    if not recipe.mixup_alpha:
        return photos, soft
    return mix(photos, soft, recipe.mixup_alpha, generator(recipe.seed, "mixup", epoch, step))


def _augmented(split: Split, i: int, seed: int, epoch: int) -> tuple[Pixels, Pixels]:
    return augment(split.photos[i], split.masks[i], seed=seed, pet=split.ids[i], epoch=epoch)
