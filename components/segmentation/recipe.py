"""How to train, and what a training remembers: pure values, without a framework.

Learning slows down, and ends, by rules over a small state, so that a run can be had again, and be
carried on from the end of any epoch.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. Patience is counted in epochs without a better score on validation.

    `mixup_alpha` and `label_smoothing` soften the masks that teach; 0 leaves them as they are.
    """

    seed: int
    batch_size: int
    learning_rate: float
    augment: bool
    plateau_patience: int
    plateau_factor: float
    early_stopping_patience: int
    mixup_alpha: float = 0.0
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """What the loop remembers from one epoch to the next, beside the network's variables."""

    learning_rate: float
    epoch: int = 0
    best_score: float = -1.0
    best_epoch: int = 0
    slowed_epoch: int = 0

    def after(self, score: float, recipe: Recipe) -> "State":
        """Return the state after one more epoch, which scored so on validation."""
        epoch = self.epoch + 1
        if score > self.best_score:
            return replace(self, epoch=epoch, best_score=score, best_epoch=epoch)
        if epoch - max(self.best_epoch, self.slowed_epoch) < recipe.plateau_patience:
            return replace(self, epoch=epoch)
        rate = self.learning_rate * recipe.plateau_factor
        return replace(self, epoch=epoch, learning_rate=rate, slowed_epoch=epoch)

    def stopped(self, recipe: Recipe) -> bool:
        """Say whether the best epoch is too long ago to go on."""
        return self.epoch - self.best_epoch >= recipe.early_stopping_patience
