import numpy as np
import pytest

from components.segmentation.augmentation import generator
from components.segmentation.softening import mix, smooth

RANDOM = np.random.default_rng(8)
MASKS = np.eye(3, dtype=np.uint8)[RANDOM.integers(0, 3, (6, 8, 8))]
PHOTOS = RANDOM.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def test_smoothing_spreads_a_share_evenly_over_the_classes():
    soft = smooth(MASKS, 0.3)
    assert soft.dtype == np.float32
    assert soft[MASKS == 1] == pytest.approx(0.8)
    assert soft[MASKS == 0] == pytest.approx(0.1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_a_smoothed_pixel_is_still_one_pixel(share):
    assert smooth(MASKS, share).sum(axis=-1) == pytest.approx(np.ones((6, 8, 8)))


def test_mixing_lays_photos_and_masks_over_each_other_by_one_share():
    photos, masks = mix(PHOTOS, MASKS, 1.0, generator(1))
    dice = generator(1)
    share, partners = round(dice.beta(1.0, 1.0), 3), dice.permutation(6)
    assert 0.01 < share < 0.99
    assert (partners != np.arange(6)).any()
    exact = share * PHOTOS + (1 - share) * PHOTOS[partners].astype(float)
    assert photos.dtype == np.uint8
    assert np.abs(photos - exact).max() <= 0.5 + 1e-4
    assert masks.dtype == np.float32
    assert masks == pytest.approx(share * MASKS + (1 - share) * MASKS[partners])


def test_mixed_masks_stay_shares_of_one_pixel():
    for seed in range(20):
        _, masks = mix(PHOTOS, smooth(MASKS, 0.1), 0.4, generator(seed))
        assert masks.min() >= 0
        assert masks.max() <= 1
        assert masks.sum(axis=-1) == pytest.approx(np.ones((6, 8, 8)))


def test_smoothing_and_mixing_commute():
    """The paper of neither says which goes first, and it makes no difference."""
    _, mixed = mix(PHOTOS, MASKS, 1.0, generator(3))
    _, smoothed_first = mix(PHOTOS, smooth(MASKS, 0.2), 1.0, generator(3))
    assert smoothed_first == pytest.approx(mixed * 0.8 + 0.2 / 3)


def test_a_small_alpha_leaves_most_batches_almost_as_they_are():
    def far(alpha):
        shares = np.array([generator(seed).beta(alpha, alpha) for seed in range(300)])
        return np.minimum(shares, 1 - shares).mean()

    assert far(0.1) < 0.1 < 0.3 < far(8.0)


def test_the_originals_are_not_written_to():
    photos, masks = PHOTOS.copy(), MASKS.copy()
    mix(PHOTOS, smooth(MASKS, 0.1), 0.4, generator(1))
    assert (photos == PHOTOS).all()
    assert (masks == MASKS).all()
