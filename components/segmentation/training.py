"""The training loop: epochs over arrays in memory.

Keras computes the steps. Which photos, in which order and seen how, and when to slow down or to
stop, are pure functions elsewhere (`batches`, `augmentation`, `recipe`). It knows nothing of files
or stages.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import keras
import numpy as np

from components.segmentation import metrics
from components.segmentation.batches import ahead, batches
from components.segmentation.checkpoint import Arrays, Checkpoint
from components.segmentation.dataset import Split
from components.segmentation.fingerprint import fingerprint
from components.segmentation.inference import infer
from components.segmentation.losses import bce_jaccard
from components.segmentation.recipe import Recipe, State
from ibid.stage.contract import BadInputError

Keep = Callable[[Callable[[], Checkpoint]], None]

MONITOR = "mean_iou"


class DivergedError(BadInputError):
    """The loss is no longer a number."""


class Trainer:
    """A network being trained, epoch by epoch.

    The model itself stays uncompiled: the optimizer belongs to a twin that shares its layers, so
    that what is saved holds no trace of how it was trained.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._twin = keras.Model(model.inputs, model.outputs, name=model.name)
        self._twin.compile(keras.optimizers.Adam(), bce_jaccard, jit_compile=False)
        self._twin.optimizer.build(self._twin.trainable_variables)
        self._new = _values(self._twin.optimizer.variables)

    def start(self, fresh: Any, recipe: Recipe) -> Checkpoint:
        """Return the checkpoint before the first epoch, of a model built as this one was."""
        variables = [*_values(fresh.variables), *self._new]
        state = State(recipe.learning_rate)
        return Checkpoint(state, variables, fresh.get_weights(), (), (fingerprint(fresh),))

    def epochs(
        self,
        recipe: Recipe,
        begin: Checkpoint,
        until: int,
        training: Split,
        validation: Split,
        keep: Keep = lambda _: None,
    ) -> Iterator[Checkpoint]:
        """Train from a checkpoint to the end of epoch `until`, or until it stops early.

        Args:
            recipe: how.
            begin: where to go on, amid an epoch or at its end.
            until: the last epoch, counted from 1.
            training: what to learn from.
            validation: what to be scored on.
            keep: is offered the checkpoint of each step, by what makes it.

        Yields:
            The checkpoint after each epoch.

        Raises:
            BadInputError: a batch is larger than the training split.
            DivergedError: the loss is no longer a number.
        """
        self._restore(begin)
        now = begin
        while now.state.epoch < until and not now.state.stopped(recipe):
            learnt = self._learn(recipe, now, training, keep)
            now = self._end(recipe, learnt, validation)
            keep(partial(replace, now))
            yield now

    def _learn(self, recipe: Recipe, now: Checkpoint, training: Split, keep: Keep) -> Checkpoint:
        """Take the steps that are left of the epoch under way.

        To read the variables out takes longer than some steps: only who keeps a step has those of
        its end, while what is returned still has those of the beginning.
        """
        self._twin.optimizer.learning_rate = now.state.learning_rate
        steps = batches(training, recipe, now.state.epoch + 1)
        for photos, masks in ahead(islice(steps, len(now.losses), None)):
            loss = float(self._twin.train_on_batch(photos, masks))
            now = replace(now, losses=(*now.losses, loss), steps=now.steps + 1)
            keep(partial(self._with_variables, now))
        return now

    def _end(self, recipe: Recipe, now: Checkpoint, validation: Split) -> Checkpoint:
        """End an epoch: score it, and see what follows for the next."""
        row = {"loss": _mean(now)}
        scores = metrics.score(validation.masks, infer(self.model, validation.photos))
        row |= {f"val_{name}": value for name, value in scores.items()}
        row["learning_rate"] = now.state.learning_rate
        state = now.state.after(scores[MONITOR], recipe)
        return Checkpoint(
            state=state,
            variables=self._variables(),
            best=self.model.get_weights() if state.best_epoch == state.epoch else now.best,
            history=(*now.history, row),
            fingerprints=(*now.fingerprints, fingerprint(self.model)),
            steps=now.steps,
        )

    def _with_variables(self, now: Checkpoint) -> Checkpoint:
        return replace(now, variables=self._variables())

    def _variables(self) -> Arrays:
        return _values([*self.model.variables, *self._twin.optimizer.variables])

    def _restore(self, checkpoint: Checkpoint) -> None:
        variables = [*self.model.variables, *self._twin.optimizer.variables]
        for variable, value in zip(variables, checkpoint.variables, strict=True):
            variable.assign(value)


def _values(variables: list[Any]) -> Arrays:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _mean(now: Checkpoint) -> float:
    loss = float(np.mean(now.losses, dtype=float))
    if not math.isfinite(loss):
        raise DivergedError(
            "Expected a loss that is a number.",
            received=f"{loss} in epoch {now.state.epoch + 1}",
            hint="make learning_rate smaller",
        )
    return loss
