import numpy as np
import pytest

from components.segmentation import metrics


@pytest.fixture(scope="module")
def photos():
    random = np.random.default_rng(3)
    truth = np.eye(3, dtype=np.uint8)[random.integers(0, 3, (4, 16, 16))]
    return truth, random.random((4, 16, 16, 3), dtype=np.float32)


def loss(truth, said):
    import keras

    from components.segmentation.losses import bce_jaccard

    values = bce_jaccard(keras.ops.convert_to_tensor(truth), keras.ops.convert_to_tensor(said))
    return keras.ops.convert_to_numpy(values)


def test_training_and_metrics_mean_one_loss(photos):
    truth, said = photos
    assert loss(truth, said).mean() == pytest.approx(metrics.score(truth, said)["loss"], rel=1e-5)


def test_a_photo_loses_the_same_whatever_its_neighbours(photos):
    truth, said = photos
    assert loss(truth, said).shape == (4,)
    assert loss(truth[2:3], said[2:3])[0] == pytest.approx(loss(truth, said)[2], rel=1e-6)


def test_a_better_prediction_loses_less(photos):
    truth, said = photos
    better = (said + truth) / 2
    assert (loss(truth, better.astype(np.float32)) < loss(truth, said)).all()


def soften(truth):
    """A quarter of each mask, three quarters of another's."""
    return (0.25 * truth + 0.75 * truth[::-1]).astype(np.float32)


def test_no_prediction_loses_less_than_a_soft_mask_itself(photos):
    truth, said = photos
    soft = soften(truth)
    best = loss(soft, soft)
    assert (best < loss(soft, said)).all()
    for other in (truth, truth[::-1], (soft > 0.5), soft * 0.99, soft * 0.98 + 0.01):
        assert (best < loss(soft, other.astype(np.float32))).all()


def test_cross_entropy_is_mixed_as_the_masks_are(photos):
    """It is linear in the mask: what mixup's authors mix, the losses, is what is computed here."""
    import keras

    truth, said = photos

    def entropy(mask):
        values = keras.ops.binary_crossentropy(mask.astype(np.float32), said)
        return keras.ops.convert_to_numpy(values)

    mixed = 0.25 * entropy(truth) + 0.75 * entropy(truth[::-1])
    assert entropy(soften(truth)) == pytest.approx(mixed, rel=1e-5)
