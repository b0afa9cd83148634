"""From what a model says to how often it is right: one monotone curve for each channel.

The curve is an isotonic regression (Zadrozny and Elkan 2002), one channel against the rest. It is
applied by arithmetic of our own, so that a server without scipy gives the same bits, and knows
nothing of how well it fits: that is `calibrate`'s to measure.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from components.segmentation.masks import CLASSES
from ibid.stage import canonical
from ibid.stage.contract import BadInputError

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising line through knots, from probability 0 to probability 1.

    Attributes:
        said: float32 (knots,), strictly rising, the model's probabilities.
        true: float64 (knots,), rising, how often they came true.
    """

    said: Floats
    true: NDArray[np.float64]

    def apply(self, probabilities: Floats) -> Floats:
        """Interpolate between the knots: float32 in [0, 1] of any shape, the same back."""
        right = np.searchsorted(self.said, probabilities, side="right").clip(1, self.said.size - 1)
        left = right - 1
        start = self.said[left].astype(np.float64)
        share = (probabilities - start) / (self.said[right] - start)
        low, high = self.true[left], self.true[right]
        # Rounding must not lift a point above the next knot: the order of pixels is kept exactly.
        between: Floats = np.minimum(low + (high - low) * share, high).astype(np.float32)
        return between


@dataclass(frozen=True, slots=True)
class Calibration:
    """A curve for each channel, in the order of `masks.CLASSES`."""

    curves: tuple[Curve, ...]

    def apply(self, probabilities: Floats) -> Floats:
        """Calibrate probabilities: float32 (..., 3), the same back.

        Each channel keeps its order but stands by itself: the three need not sum to 1.
        """
        channels = (curve.apply(probabilities[..., i]) for i, curve in enumerate(self.curves))
        return np.stack(list(channels), axis=-1)

    def write(self, path: Path) -> None:
        """Write the knots as a canonical `.npz`."""
        named = zip(CLASSES, self.curves, strict=True)
        canonical.write_npz(
            path,
            {
                f"{name}_{part}": getattr(curve, part)
                for name, curve in named
                for part in ("said", "true")
            },
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; raises BadInputError."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                return cls(
                    tuple(Curve(arrays[f"{name}_said"], arrays[f"{name}_true"]) for name in CLASSES)
                )
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise BadInputError(
                f"Expected a calibration in {path.name}.", received=error
            ) from error


def fit(truth: Pixels, probabilities: Floats) -> Calibration:
    """Fit each channel's curve on the pixels of all photos together.

    The fit is the exact least-squares one; only the two ends of each of its steps are kept.

    Args:
        truth: uint8 (n, height, width, 3) in {0, 1}.
        probabilities: float32, the same shape.

    Raises:
        BadInputError: a probability is not a number in [0, 1].
    """
    if not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise BadInputError(
            "Expected a model whose predictions are probabilities.",
            received=f"numbers from {probabilities.min()} to {probabilities.max()}",
        )
    channels = range(len(CLASSES))
    return Calibration(tuple(_fit(truth[..., i] > 0, probabilities[..., i]) for i in channels))


def _fit(true: NDArray[np.bool_], probabilities: Floats) -> Curve:
    from scipy.optimize import isotonic_regression  # a server, which only applies, has no scipy

    said, pixels = np.unique(probabilities, return_counts=True)
    hit, hits = np.unique(probabilities[true], return_counts=True)
    positives = np.zeros(said.size)
    positives[np.searchsorted(said, hit)] = hits
    result = isotonic_regression(positives / pixels, weights=pixels)
    ends = np.union1d(result.blocks[:-1], result.blocks[1:] - 1)
    knots = np.union1d(said[ends], np.array([0, 1], np.float32))
    return Curve(knots, np.interp(knots, said[ends], result.x[ends]))
