"""A training at rest: all that it needs to be carried on, bit for bit, in memory and in a file.

It knows arrays and plain values, and no framework.
"""

import hashlib
import importlib.metadata
import io
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.segmentation.dataset import Split
from components.segmentation.recipe import State
from ibid.stage import state

Arrays = list[NDArray[Any]]
Epoch = dict[str, float]

SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after any step.

    Attributes:
        state: the loop's, of the last epoch that is done.
        variables: of the network, its random generators and its optimizer.
        best: the network's weights at the best epoch so far.
        history: the numbers of each epoch that is done: `loss`, `val_` and each of
            `metrics.score`, `learning_rate`.
        fingerprints: of the network, before the first epoch and after each.
        losses: of the steps that are done of the epoch under way.
        steps: that are done in all.
    """

    state: State
    variables: Arrays
    best: Arrays
    history: tuple[Epoch, ...]
    fingerprints: tuple[dict[str, str], ...]
    losses: tuple[float, ...] = ()
    steps: int = 0


class Keeper:
    """The file of one training's checkpoint.

    Where and when it is written changes no result. `share` is the share of the time that writing
    may take: the file is as young as that allows.
    """

    def __init__(self, path: Path, owner: str, share: float = SHARE) -> None:
        self._path, self._owner, self._share = path, owner, share
        self._next = 0.0

    def offer(self, make: Callable[[], Checkpoint]) -> None:
        """Write what `make` returns, if the last time is long enough ago for what it cost."""
        if time.monotonic() >= self._next:
            self.write(make())

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint in the place of the one before; raises TemporaryError."""
        begun = time.monotonic()
        state.write(self._path, self._owner, to_bytes(checkpoint))
        ended = time.monotonic()
        self._next = ended + (ended - begun) / self._share

    def read(self) -> Checkpoint | None:
        """Return the newest checkpoint; None if there is none, or none of this training's."""
        content = state.read(self._path, self._owner)
        return None if content is None else from_bytes(content)


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """Encode a checkpoint: every number as it is, NaN included."""
    plain = {
        "state": asdict(checkpoint.state),
        "history": checkpoint.history,
        "fingerprints": checkpoint.fingerprints,
        "losses": checkpoint.losses,
        "steps": checkpoint.steps,
    }
    arrays = {"plain": np.frombuffer(json.dumps(plain).encode(), np.uint8)}
    arrays |= _numbered("variables", checkpoint.variables) | _numbered("best", checkpoint.best)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def from_bytes(content: bytes) -> Checkpoint:
    """Decode what `to_bytes` has made."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        plain = json.loads(arrays["plain"].tobytes())
        return Checkpoint(
            state=State(**plain["state"]),
            variables=_listed("variables", arrays),
            best=_listed("best", arrays),
            history=tuple(plain["history"]),
            fingerprints=tuple(plain["fingerprints"]),
            losses=tuple(plain["losses"]),
            steps=plain["steps"],
        )


def libraries() -> dict[str, str]:
    """Name the versions of what computes a training; without importing the framework."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return {name: importlib.metadata.version(name) for name in ("keras", "numpy", backend)}


def digest(split: Split) -> str:
    """Hash what training sees of a split."""
    hashed = hashlib.sha256(json.dumps(split.ids).encode())
    for pixels in (split.photos, split.masks):
        hashed.update(f"{pixels.shape}".encode())
        hashed.update(np.ascontiguousarray(pixels).data)
    return hashed.hexdigest()


def _numbered(name: str, arrays: Iterable[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{name}{i}": array for i, array in enumerate(arrays)}


def _listed(name: str, arrays: Any) -> Arrays:
    count = sum(key.startswith(name) for key in arrays.files)
    return [arrays[f"{name}{i}"] for i in range(count)]
