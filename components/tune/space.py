"""The search space: which learning rate, batch size and backbone a trial tries.

A trial's point, and its seed, are a function of (seed, trial number) alone, so that one trial can
be had again without those before it.
"""

import math
from dataclasses import dataclass

from components.segmentation.augmentation import generator
from components.segmentation.backbones import Backbone
from components.tune.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Point:
    """What is searched for, and the seed of the trial that tries it."""

    learning_rate: float
    batch_size: int
    backbone: Backbone
    seed: int


def draw(parameters: Parameters, trial: int) -> Point:
    """Draw a trial's point, the learning rate evenly in its logarithm.

    The learning rate has three digits: more would say nothing, and the last ones depend on the
    machine's logarithm.
    """
    dice = generator(parameters.seed, "trial", trial)
    low, high = math.log(parameters.learning_rate.min), math.log(parameters.learning_rate.max)
    return Point(
        learning_rate=float(f"{math.exp(dice.uniform(low, high)):.3g}"),
        batch_size=parameters.batch_sizes[int(dice.integers(len(parameters.batch_sizes)))],
        backbone=parameters.encoders[int(dice.integers(len(parameters.encoders)))],
        seed=int(dice.integers(2**32)),
    )
