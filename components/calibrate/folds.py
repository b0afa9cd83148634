"""Calibrated probabilities of photos that the calibration was not fitted to.

Measured on its own photos a fit flatters itself. So the photos are cut into parts, and each part
is calibrated by a fit on all the others (cross-fitting).
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.segmentation import calibration
from ibid.stage.contract import BadInputError


def assign(ids: Sequence[str], folds: int) -> NDArray[np.int64]:
    """Say which part each photo is in: int64 (n,), parts of equal size up to one photo.

    The order is that of the SHA-256 of the ids: MD5 has chosen these photos, so its remainders
    are no longer spread. With fewer photos than parts, each photo is a part of its own.
    """
    order = sorted(range(len(ids)), key=lambda i: hashlib.sha256(ids[i].encode()).digest())
    parts = np.empty(len(ids), np.int64)
    parts[order] = np.arange(len(ids)) % folds
    return parts


def cross_fit(
    ids: Sequence[str],
    truth: NDArray[np.uint8],
    probabilities: NDArray[np.float32],
    folds: int,
) -> NDArray[np.float32]:
    """Calibrate every photo by a fit on the photos of the other parts.

    Args:
        ids: n pet ids.
        truth: uint8 (n, height, width, 3) in {0, 1}.
        probabilities: float32, the same shape.
        folds: the number of parts, at least 2.

    Returns:
        float32, the same shape.

    Raises:
        BadInputError: there is one photo only.
    """
    if len(ids) < 2:
        raise BadInputError(
            "Expected at least two photos in the split calibration.",
            received=len(ids),
            hint="ibid put stream PHOTOS/ with more pets: their names decide where each goes",
        )
    calibrated = np.empty_like(probabilities)
    parts = assign(ids, folds)
    for part in np.unique(parts):
        held = parts == part
        fitted = calibration.fit(truth[~held], probabilities[~held])
        calibrated[held] = fitted.apply(probabilities[held])
    return calibrated
