import numpy as np
import pytest

from components.segmentation import metrics

PET, BACKGROUND, BORDER = np.eye(3)


def one_photo(*rows):
    return np.array([rows], np.float32)


def test_a_perfect_prediction_scores_one_and_loses_nothing():
    truth = one_photo([PET, BACKGROUND], [BORDER, BACKGROUND]).astype(np.uint8)
    scores = metrics.score(truth, truth.astype(np.float32))
    assert scores.pop("loss") == pytest.approx(0, abs=1e-6)
    assert scores == {"iou": 1, "f1": 1, "mean_iou": 1, "accuracy": 1, "precision": 1}


def test_each_class_is_scored_by_itself():
    truth = one_photo([PET, PET], [BACKGROUND, BORDER]).astype(np.uint8)
    said = one_photo([PET, BACKGROUND], [BACKGROUND, BACKGROUND])
    pet, background, border = metrics.score_by_class(truth, said).values()
    assert (pet["iou"], pet["precision"], pet["accuracy"]) == (1 / 2, 1, 3 / 4)
    assert pet["f1"] == 2 / 3
    assert (background["iou"], background["precision"]) == (1 / 3, 1 / 3)
    assert (border["iou"], border["precision"], border["accuracy"]) == (0, 0, 3 / 4)


def test_a_score_is_the_mean_over_the_classes():
    random = np.random.default_rng(0)
    truth = np.eye(3, dtype=np.uint8)[random.integers(0, 3, (2, 8, 8))]
    said = random.random((2, 8, 8, 3), dtype=np.float32)
    classes = metrics.score_by_class(truth, said)
    for name, value in metrics.score(truth, said).items():
        assert value == pytest.approx(np.mean([scores[name] for scores in classes.values()]))


def test_mean_iou_takes_the_most_probable_class_where_none_passes_the_threshold():
    truth = one_photo([PET, BACKGROUND]).astype(np.uint8)
    said = one_photo([[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]])
    scores = metrics.score(truth, said)
    assert scores["mean_iou"] == 1
    assert scores["iou"] == pytest.approx(1 / 3)


def test_a_class_that_is_nowhere_and_not_predicted_is_right():
    truth = one_photo([PET, BACKGROUND]).astype(np.uint8)
    border = metrics.score_by_class(truth, truth.astype(np.float32))["border"]
    assert (border["iou"], border["f1"], border["mean_iou"], border["precision"]) == (1, 1, 1, 0)


def test_a_certain_mistake_has_a_finite_loss():
    truth = one_photo([PET, PET]).astype(np.uint8)
    assert np.isfinite(metrics.score(truth, one_photo([BORDER, BORDER]))["loss"])


def test_a_soft_truth_is_refused():
    soft = one_photo([PET * 0.6 + BORDER * 0.4, BACKGROUND])
    with pytest.raises(TypeError, match="hard masks"):
        metrics.score(soft, soft)
