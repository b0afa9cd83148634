"""How good a prediction is, in numpy, so that no framework has a say in a score.

Every number is computed for each class by itself, over all pixels of all photos, and `score` is
the mean over the classes; the loss is also a mean over photos, as it is in training. The truth is
always a hard mask, as somebody drew it: nothing that was mixed or smoothed is ever a judge.
"""

import numpy as np
from numpy.typing import NDArray

from components.segmentation.masks import CLASSES

METRICS = ("iou", "f1", "mean_iou", "accuracy", "precision", "loss")
EPSILON = 1e-7
SMOOTH = 1.0

Floats = NDArray[np.float32]
Truth = NDArray[np.uint8]
Bools = NDArray[np.bool_]


def score(truth: Truth, probabilities: Floats) -> dict[str, float]:
    """Score a prediction over all classes.

    Args:
        truth: (n, height, width, 3) in {0, 1}.
        probabilities: float32, the same shape, in [0, 1].

    Returns:
        The means over the classes of what `score_by_class` says: `loss`, `iou`, `f1`, `mean_iou`,
        `accuracy`, `precision`.
    """
    classes = score_by_class(truth, probabilities)
    return {
        name: float(np.mean([scores[name] for scores in classes.values()]))
        for name in classes[CLASSES[0]]
    }


def score_by_class(truth: Truth, probabilities: Floats) -> dict[str, dict[str, float]]:
    """Score each class by itself; names, arguments and shapes are those of `score`.

    Raises TypeError if the truth is soft, of which a threshold would make something else.
    `iou`, `f1`, `accuracy` and `precision` threshold the probability at 0.5. `mean_iou` is the
    IoU of the most probable class of each pixel, which is never undecided, as in the mean IoU of
    Pascal VOC (Everingham et al. 2010). Where a class is neither there nor predicted, IoU and F1
    are 1; where it is never predicted, precision is 0.
    """
    if truth.dtype != np.uint8:
        raise TypeError(f"Expected hard masks, uint8 of 0 and 1. Received: {truth.dtype}")
    winner = probabilities.argmax(axis=-1)
    return {
        name: _score(truth[..., i], probabilities[..., i], winner == i)
        for i, name in enumerate(CLASSES)
    }


def _score(truth: Truth, probabilities: Floats, wins: Bools) -> dict[str, float]:
    true, said = truth.astype(bool), probabilities > 0.5
    hits, sum_ = int((true & said).sum()), int(true.sum()) + int(said.sum())
    return {
        "loss": _loss(truth, probabilities),
        "iou": _iou(true, said),
        "f1": _ratio(2 * hits, sum_, empty=1.0),
        "mean_iou": _iou(true, wins),
        "accuracy": float((true == said).mean()),
        "precision": _ratio(hits, int(said.sum()), empty=0.0),
    }


def _iou(true: Bools, said: Bools) -> float:
    return _ratio(int((true & said).sum()), int((true | said).sum()), empty=1.0)


def _ratio(part: int, whole: int, *, empty: float) -> float:
    return part / whole if whole else empty


def _loss(truth: Truth, probabilities: Floats) -> float:
    """Repeat `losses.bce_jaccard` for one class, as the mean over photos."""
    true = truth.astype(np.float32)
    likely = np.clip(probabilities, EPSILON, 1 - EPSILON)
    entropy = -np.log(np.where(truth, likely, 1 - likely))
    both = (true * probabilities).sum(axis=(1, 2), dtype=np.float64)
    either = (true + probabilities).sum(axis=(1, 2), dtype=np.float64)
    jaccard = (both + SMOOTH) / (either - both + SMOOTH)
    return float(np.mean(entropy, dtype=float) + np.mean(1 - jaccard))
