"""What training makes smaller: binary cross-entropy plus Jaccard loss.

Cross-entropy makes probabilities; Jaccard keeps the thin border, of which there are few pixels,
worth as much as the rest. `metrics.score` repeats the formula in numpy.
"""

from typing import Any

import keras

from components.segmentation.metrics import SMOOTH


def bce_jaccard(truth: Any, probabilities: Any) -> Any:
    """Add binary cross-entropy and Jaccard loss, for each photo of a batch.

    The Jaccard loss of a class is 1 - (|A and B| + s) / (|A or B| + s) with products for `and` and
    s = 1 pixel, averaged over classes (Rahman and Wang 2016, "Optimizing intersection-over-union").

    Args:
        truth: (n, height, width, classes) in {0, 1}, any dtype.
        probabilities: float32, the same shape.

    Returns:
        float32 (n,).
    """
    truth = keras.ops.cast(truth, probabilities.dtype)
    entropy = keras.ops.mean(keras.ops.binary_crossentropy(truth, probabilities), axis=(1, 2, 3))
    both = keras.ops.sum(truth * probabilities, axis=(1, 2))
    either = keras.ops.sum(truth + probabilities, axis=(1, 2)) - both
    jaccard = (both + SMOOTH) / (either + SMOOTH)
    return entropy + keras.ops.mean(1 - jaccard, axis=-1)
