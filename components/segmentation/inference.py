"""From photos to probabilities, the one way that calibrate, evaluate and the endpoint share.

The last bits of a convolution depend on the shape of the batch, so the shape is fixed: a photo's
probabilities are the same alone, in a report and at the endpoint.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH = 16


def load_model(path: Path) -> Any:
    """Load a `.keras` file as an uncompiled `keras.Model`."""
    import keras

    return keras.saving.load_model(path, compile=False)


def infer(model: Any, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Predict each class's probability for each pixel.

    Args:
        model: takes uint8 photos; scaling is part of it.
        photos: uint8 (n, size, size, 3), any n.

    Returns:
        float32 (n, size, size, 3), channels as in `masks.CLASSES`; a photo's are the same
        whatever its neighbours, because every batch has one shape, the last one padded.
    """
    model.jit_compile = False  # where Keras chooses, it depends on the level of determinism
    probabilities = np.empty(photos.shape, np.float32)
    for start in range(0, len(photos), BATCH):
        part = photos[start : start + BATCH]
        probabilities[start : start + BATCH] = _batch(model, part)
    return probabilities


def _batch(model: Any, part: NDArray[np.uint8]) -> NDArray[np.float32]:
    padded = np.zeros((BATCH, *part.shape[1:]), part.dtype)
    padded[: len(part)] = part
    probabilities: NDArray[np.float32] = model.predict_on_batch(padded)
    return probabilities[: len(part)]
