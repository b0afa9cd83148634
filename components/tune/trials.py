"""Trials in training: each can be taken up where it stopped, when it is promoted or was killed.

Trials of one shape share a compiled trainer, because to compile takes as long as some epochs; a
trial's variables are put in when it is its turn, from its checkpoint, whichever process wrote it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.segmentation import unet
from components.segmentation.backbones import Backbone
from components.segmentation.checkpoint import Keeper
from components.segmentation.dataset import Split
from components.segmentation.recipe import Recipe
from components.segmentation.training import MONITOR, DivergedError, Trainer
from components.tune.parameters import Parameters
from components.tune.scores import Score, Training
from components.tune.space import Point, draw
from ibid.stage import state

DIVERGED = -1.0  # below every mean IoU


class Trials:
    """Trains trials by number; their checkpoints are in `folder`, and are `owner`'s."""

    def __init__(
        self,
        parameters: Parameters,
        weights: Mapping[Backbone, Path | None],
        training: Split,
        validation: Split,
        folder: Path,
        owner: str,
    ) -> None:
        self._parameters, self._weights = parameters, weights
        self._training, self._validation = training, validation
        self._folder, self._owner = folder, owner
        self._trainers: dict[tuple[Backbone, int], Trainer] = {}

    def train(self, asked: Training) -> Score:
        """Train a trial until it has seen so many epochs.

        Its score is the best on validation within them, DIVERGED if it did.
        """
        point = draw(self._parameters, asked.trial)
        recipe, trainer = self._recipe(point), self._trainer(point)
        owner = state.owner(search=self._owner, trial=asked.trial)
        keeper = Keeper(self._folder / f"trial-{asked.trial}", owner)
        last = keeper.read() or trainer.start(self._model(point, point.seed), recipe)
        carried_on = trainer.epochs(
            recipe, last, asked.epochs, self._training, self._validation, keeper.offer
        )
        try:
            for now in carried_on:
                last = now
        except DivergedError:
            return Score(DIVERGED, last.history[-1]["val_loss"] if last.history else None)
        keeper.write(last)
        seen = last.history[: asked.epochs]
        return Score(max(row[f"val_{MONITOR}"] for row in seen), seen[-1]["val_loss"])

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
            mixup_alpha=self._parameters.mixup_alpha,
            label_smoothing=self._parameters.label_smoothing,
        )
