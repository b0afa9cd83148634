"""Trials in training: each can be taken up where it stopped, when it is promoted.

Trials of one shape share a compiled trainer, because to compile takes as long as some epochs; a
trial's variables are put in when it is its turn.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.segmentation import unet
from components.segmentation.backbones import Backbone
from components.segmentation.checkpoint import Checkpoint, Epoch
from components.segmentation.dataset import Split
from components.segmentation.recipe import Recipe
from components.segmentation.training import DivergedError, Trainer
from components.tune.parameters import Parameters
from components.tune.space import Point, draw

DIVERGED = -1.0  # below every mean IoU


class Trials:
    """Trains trials by number.

    Attributes:
        last: the numbers of each trial's last epoch; nothing of one that diverged at once.
    """

    def __init__(
        self,
        parameters: Parameters,
        weights: Mapping[Backbone, Path | None],
        training: Split,
        validation: Split,
    ) -> None:
        self.last: dict[int, Epoch] = {}
        self._parameters, self._weights = parameters, weights
        self._training, self._validation = training, validation
        self._trainers: dict[tuple[Backbone, int], Trainer] = {}
        self._checkpoints: dict[int, Checkpoint] = {}

    def train(self, trial: int, epochs: int) -> float:
        """Train a trial until it has seen so many epochs.

        Returns its best validation score so far, DIVERGED if it did.
        """
        point = draw(self._parameters, trial)
        recipe, trainer = self._recipe(point), self._trainer(point)
        if trial not in self._checkpoints:
            self._checkpoints[trial] = trainer.start(self._model(point, point.seed), recipe)
        carried_on = trainer.epochs(
            recipe, self._checkpoints[trial], epochs, self._training, self._validation
        )
        try:
            for self._checkpoints[trial] in carried_on:
                self.last[trial] = self._checkpoints[trial].history[-1]
        except DivergedError:
            return DIVERGED
        return self._checkpoints[trial].state.best_score

    def forget(self, trial: int) -> None:
        """Free the memory of a trial that will not go on."""
        self._checkpoints.pop(trial, None)

    def _trainer(self, point: Point) -> Trainer:
        shape = point.backbone, point.batch_size
        if shape not in self._trainers:
            self._trainers[shape] = Trainer(self._model(point, self._parameters.seed))
        return self._trainers[shape]

    def _model(self, point: Point, seed: int) -> Any:
        return unet.build(
            point.backbone,
            self._training.size,
            seed=seed,
            dropout=self._parameters.dropout,
            bn_momentum=self._parameters.bn_momentum,
            weights=self._weights[point.backbone],
        )

    def _recipe(self, point: Point) -> Recipe:
        """Train at one learning rate to the end: who stops, and when, is for hyperband to say."""
        never = self._parameters.max_epochs + 1
        return Recipe(
            seed=point.seed,
            batch_size=point.batch_size,
            learning_rate=point.learning_rate,
            augment=self._parameters.augment,
            plateau_patience=never,
            plateau_factor=1.0,
            early_stopping_patience=never,
        )
