"""How far probabilities are from how often they come true.

It knows arrays only: whether they come from a model or from a calibration is not its matter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability curve over equal bins of [0, 1], with the Brier score of its pixels.

    Attributes:
        pixels: int64 (bins,), pixels in each bin.
        said: float64 (bins,), their mean probability; 0 where there are none.
        true: float64 (bins,), the share of them that came true; 0 where there are none.
        brier: mean squared difference between probability and truth (Brier 1950).
    """

    pixels: NDArray[np.int64]
    said: NDArray[np.float64]
    true: NDArray[np.float64]
    brier: float

    @property
    def ece(self) -> float:
        """The expected calibration error: mean over pixels of |true - said| of their bin.

        Guo et al. 2017, equation 3, for the probability of one channel.
        """
        return float((self.pixels * np.abs(self.true - self.said)).sum() / self.pixels.sum())


def measure(true: NDArray[np.uint8], probabilities: NDArray[np.float32], bins: int) -> Reliability:
    """Measure one channel.

    Args:
        true: uint8 in {0, 1}, any shape.
        probabilities: float32 in [0, 1], the same shape.
        bins: the number of equal bins; the last one holds probability 1 too.
    """
    said, truth = probabilities.ravel().astype(np.float64), true.ravel().astype(np.float64)
    bin_ = np.minimum((said * bins).astype(np.intp), bins - 1)
    pixels = np.bincount(bin_, minlength=bins)
    shared = np.maximum(pixels, 1)
    return Reliability(
        pixels=pixels,
        said=np.bincount(bin_, said, bins) / shared,
        true=np.bincount(bin_, truth, bins) / shared,
        brier=float(np.mean((said - truth) ** 2)),
    )
