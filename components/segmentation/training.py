"""The training loop: epochs over arrays in memory.

Keras computes the steps. Which photos, in which order and seen how, and when to slow down or to
stop, are pure functions elsewhere (`batches`, `augmentation`, `recipe`). It knows nothing of files
or stages.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from components.segmentation import metrics
from components.segmentation.batches import ahead, batches
from components.segmentation.dataset import Split
from components.segmentation.fingerprint import fingerprint
from components.segmentation.inference import infer
from components.segmentation.losses import bce_jaccard
from components.segmentation.recipe import Recipe, State
from ibid.stage.contract import BadInputError

Arrays = list[NDArray[Any]]
Epoch = dict[str, float]

MONITOR = "mean_iou"


class DivergedError(BadInputError):
    """The loss is no longer a number."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training at the end of an epoch: enough to carry it on, bit for bit.

    Attributes:
        state: the loop's.
        variables: of the network, its random generators and its optimizer.
        best: the network's weights at the best epoch so far.
        history: the numbers of each epoch so far: `loss`, `val_` and each of `metrics.score`,
            `learning_rate`.
        fingerprints: of the network, before the first epoch and after each.
    """

    state: State
    variables: Arrays
    best: Arrays
    history: tuple[Epoch, ...]
    fingerprints: tuple[dict[str, str], ...]


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
        self, recipe: Recipe, begin: Checkpoint, until: int, training: Split, validation: Split
    ) -> Iterator[Checkpoint]:
        """Train from a checkpoint to the end of epoch `until`, or until it stops early.

        Yields the checkpoint after each epoch. Raises BadInputError if a batch is larger than the
        training split, DivergedError if the loss is no longer a number.
        """
        self._restore(begin)
        state, best = begin.state, begin.best
        history, fingerprints = begin.history, begin.fingerprints
        while state.epoch < until and not state.stopped(recipe):
            row = {"loss": self.once(recipe, state, training)}
            scores = metrics.score(validation.masks, infer(self.model, validation.photos))
            row |= {f"val_{name}": value for name, value in scores.items()}
            row["learning_rate"] = state.learning_rate
            state = state.after(scores[MONITOR], recipe)
            if state.best_epoch == state.epoch:
                best = self.model.get_weights()
            history, fingerprints = (*history, row), (*fingerprints, fingerprint(self.model))
            yield Checkpoint(state, self._variables(), best, history, fingerprints)

    def once(self, recipe: Recipe, state: State, training: Split) -> float:
        """Go over the training split once, the epoch after the state's; returns the mean loss."""
        self._twin.optimizer.learning_rate = state.learning_rate
        steps = ahead(batches(training, recipe, state.epoch + 1))
        losses = [self._twin.train_on_batch(photos, masks) for photos, masks in steps]
        loss = float(np.mean(losses, dtype=float))
        if not math.isfinite(loss):
            raise DivergedError(
                "Expected a loss that is a number.",
                received=f"{loss} in epoch {state.epoch + 1}",
                hint="make learning_rate smaller",
            )
        return loss

    def _variables(self) -> Arrays:
        return _values([*self.model.variables, *self._twin.optimizer.variables])

    def _restore(self, checkpoint: Checkpoint) -> None:
        variables = [*self.model.variables, *self._twin.optimizer.variables]
        for variable, value in zip(variables, checkpoint.variables, strict=True):
            variable.assign(value)


def _values(variables: list[Any]) -> Arrays:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]
