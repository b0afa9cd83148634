"""What training makes smaller: binary cross-entropy plus Jaccard loss.

Cross-entropy makes probabilities; Jaccard keeps the thin border, of which there are few pixels,
worth as much as the rest. `metrics.score` repeats the formula in numpy.
"""

from typing import Any

import keras

from components.segmentation.metrics import SMOOTH


def bce_jaccard(truth: Any, probabilities: Any) -> Any:
    """Add binary cross-entropy and Jaccard loss, for each photo of a batch.

    The Jaccard loss of a class is 1 - (|A and B| + s) / (|A or B| + s) with s = 1 pixel, averaged
    over classes. A pixel counts in `and` by the smaller of truth and probability. Where the truth
    is 0 or 1 that is their product (Rahman and Wang 2016, "Optimizing intersection-over-union"), to
    the bit; where it is soft, the product would be least at a probability of 0 or 1, and the
    smaller of the two is least at the truth itself (Wang et al. 2023, "Jaccard metric losses",
    arXiv:2302.05666, their first form: |A and B| as half of |A| + |B| - |A - B|).

    Args:
        truth: (n, height, width, classes) in [0, 1], any dtype.
        probabilities: float32, the same shape.

    Returns:
        float32 (n,).
    """
    truth = keras.ops.cast(truth, probabilities.dtype)
    entropy = keras.ops.mean(keras.ops.binary_crossentropy(truth, probabilities), axis=(1, 2, 3))
    both = keras.ops.sum(keras.ops.minimum(truth, probabilities), axis=(1, 2))
    either = keras.ops.sum(truth + probabilities, axis=(1, 2)) - both
    jaccard = (both + SMOOTH) / (either + SMOOTH)
    return entropy + keras.ops.mean(1 - jaccard, axis=-1)
