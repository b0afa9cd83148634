"""An epoch of our training loop, over photos that are drawn: to be timed, or to be compared.

To be imported behind the door: it imports numpy and the framework.
"""

import time

import numpy as np

from components.segmentation.dataset import Split
from components.segmentation.recipe import Recipe
from components.segmentation.training import Trainer


def draw(dice: np.random.Generator, photos: int, size: int) -> Split:
    """Draw a split of noise."""
    pixels = dice.integers(0, 256, (photos, size, size, 3), dtype=np.uint8)
    masks = (pixels // 128).astype(np.uint8)
    return Split(tuple(map(str, range(photos))), pixels, masks, ({},) * photos)


def learn(trainer: Trainer, recipe: Recipe, training: Split) -> float:
    """Train the trainer's model for one epoch, scored on one photo.

    Returns:
        The seconds until the last step was done: those of the scoring are not among them.
    """
    one = Split(training.ids[:1], training.photos[:1], training.masks[:1], training.metadata[:1])
    begin, ends = trainer.start(trainer.model, recipe), list[float]()

    def keep(_: object) -> None:
        ends.append(time.perf_counter())

    begun = time.perf_counter()
    now = next(trainer.epochs(recipe, begin, 1, training, one, keep))
    return ends[now.steps - 1] - begun
