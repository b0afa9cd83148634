"""What trials have scored, kept so that a search that was killed trains none of them again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ibid.stage import state


@dataclass(frozen=True, slots=True, order=True)
class Training:
    """A trial, by its number, and how many epochs it is to have seen in the end."""

    trial: int
    epochs: int

    def __str__(self) -> str:
        return f"Trial[{self.trial}] epochs={self.epochs}"


@dataclass(frozen=True, slots=True)
class Score:
    """The best `val_mean_iou` so far, and the last `val_loss`, if any epoch came to its end."""

    val_mean_iou: float
    val_loss: float | None


class Scores:
    """The scores of a search, in memory and in a file."""

    def __init__(self, path: Path, owner: str) -> None:
        self._path, self._owner = path, owner
        kept = json.loads(state.read(path, owner) or b"[]")
        self._scores = {Training(**asked): Score(**told) for asked, told in kept}

    def __contains__(self, training: Training) -> bool:
        return training in self._scores

    def __getitem__(self, training: Training) -> Score:
        return self._scores[training]

    def add(self, training: Training, score: Score) -> None:
        """Keep a score; raises TemporaryError if the disk refuses."""
        self._scores[training] = score
        pairs = [(asdict(each), asdict(told)) for each, told in sorted(self._scores.items())]
        state.write(self._path, self._owner, json.dumps(pairs).encode())
