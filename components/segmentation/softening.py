"""Masks that are less sure: smoothed, and mixed with those of another photo.

A function of the batch and of the dice that it is given; it knows nothing of files or models. Only
what teaches is softened, never what judges: scores are against masks as they were drawn by hand.
"""

import numpy as np
from numpy.typing import NDArray

from components.segmentation.dataset import Pixels
from components.segmentation.masks import CLASSES

Soft = NDArray[np.float32]


def smooth(masks: Pixels, share: float) -> Soft:
    """Spread a share of each pixel's certainty evenly over the classes.

    Label smoothing as in Szegedy et al. 2015 (arXiv:1512.00567, section 7), with a uniform prior:
    the three channels of a pixel still sum to 1.

    Args:
        masks: uint8 (n, size, size, 3) in {0, 1}.
        share: in [0, 1).

    Returns:
        float32 of the same shape, `1 - share + share / 3` or `share / 3`.
    """
    return masks * np.float32(1 - share) + np.float32(share / len(CLASSES))


def mix(
    photos: Pixels, masks: Pixels | Soft, alpha: float, dice: np.random.Generator
) -> tuple[Pixels, Soft]:
    """Lay over each photo of a batch another one of it, and over its mask the other's mask.

    mixup as in Zhang et al. 2017 (arXiv:1710.09412): one share for the whole batch, drawn from
    Beta(alpha, alpha), and partners by a permutation, so that some photos may meet themselves.

    Args:
        photos: uint8 (n, size, size, 3).
        masks: of the same shape, hard or smoothed.
        alpha: above 0; the larger, the more even the mixture.
        dice: for share and partners.

    Returns:
        Photos, uint8, rounded to what the model takes, and masks, float32.
    """
    # Three digits: more would say nothing, and the last ones depend on the machine's logarithm.
    share = round(float(dice.beta(alpha, alpha)), 3)
    partners = dice.permutation(len(photos))
    blended = np.rint(_blend(photos, photos[partners], share)).astype(np.uint8)
    return blended, _blend(masks, masks[partners], share)


def _blend(one: Pixels | Soft, other: Pixels | Soft, share: float) -> Soft:
    return one * np.float32(share) + other * np.float32(1 - share)
