from dataclasses import replace

import numpy as np
import pytest
import tiny_pets

from components.segmentation import dataset, metrics
from components.segmentation.recipe import Recipe
from ibid.stage.contract import BadInputError

# Keras 3.15 asks TensorFlow 2.19 for arrays in a way that NumPy 2 deprecates.

RECIPE = Recipe(
    seed=1,
    batch_size=4,
    learning_rate=0.003,
    augment=True,
    plateau_patience=9,
    plateau_factor=0.5,
    early_stopping_patience=9,
)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transform")
    tiny_pets.write_split(folder / "training", 10)
    tiny_pets.write_split(folder / "validation", 3)
    return [dataset.load(folder / name) for name in ("training", "validation")]


def build(seed=1):
    from components.segmentation import unet

    return unet.build("plain", 32, seed=seed, dropout=0.2, bn_momentum=0.9)


@pytest.fixture(scope="module")
def trainer():
    from components.segmentation.training import Trainer

    return Trainer(build(seed=5))


@pytest.fixture(scope="module")
def straight(trainer, splits):
    """Four epochs of the model of seed 1, in a trainer that had another."""
    return list(trainer.epochs(RECIPE, trainer.start(build(), RECIPE), 4, *splits))


def test_an_epoch_tells_its_loss_scores_and_learning_rate(straight):
    names = ["loss", "val_loss", "val_iou", "val_f1", "val_mean_iou", "val_accuracy"]
    for row in straight[-1].history:
        assert list(row) == [*names, "val_precision", "learning_rate"]
        assert row["learning_rate"] == RECIPE.learning_rate


def test_training_makes_the_loss_smaller(straight):
    assert straight[-1].history[-1]["loss"] < straight[0].history[-1]["loss"]


def test_going_on_from_a_checkpoint_is_the_same_as_not_having_stopped(trainer, straight, splits):
    again = list(trainer.epochs(RECIPE, straight[1], 4, *splits))
    assert again[-1].history == straight[-1].history
    assert again[-1].fingerprints == straight[-1].fingerprints
    for one, other in zip(again[-1].variables, straight[-1].variables, strict=True):
        assert (one == other).all()


def test_a_trainer_of_its_own_gives_the_same(straight, splits):
    from components.segmentation.training import Trainer

    own = Trainer(build())
    first = next(own.epochs(RECIPE, own.start(own.model, RECIPE), 1, *splits))
    assert first.history == straight[0].history
    assert first.fingerprints == straight[0].fingerprints


def test_the_weights_of_the_best_epoch_are_kept(trainer, straight, splits):
    from components.segmentation.inference import infer

    last = straight[-1]
    trainer.model.set_weights(last.best)
    scores = metrics.score(splits[1].masks, infer(trainer.model, splits[1].photos))
    assert scores["mean_iou"] == last.state.best_score
    assert last.state.best_score == max(row["val_mean_iou"] for row in last.history)


def test_training_stops_early(trainer, splits):
    impatient = replace(RECIPE, learning_rate=1e-9, early_stopping_patience=1)
    epochs = list(trainer.epochs(impatient, trainer.start(build(), impatient), 30, *splits))
    assert len(epochs) < 30
    assert epochs[-1].state.stopped(impatient)


def test_a_loss_that_is_no_number_is_refused(trainer, splits):
    from components.segmentation.training import DivergedError

    start = trainer.start(build(), RECIPE)
    broken = [value * np.nan if value.ndim == 4 else value for value in start.variables]
    with pytest.raises(DivergedError, match="is a number"):
        next(trainer.epochs(RECIPE, replace(start, variables=broken), 1, *splits))


def test_a_batch_larger_than_the_training_split_is_refused(trainer, splits):
    greedy = replace(RECIPE, batch_size=11)
    with pytest.raises(BadInputError, match="no larger than the training split"):
        next(trainer.epochs(greedy, trainer.start(build(), greedy), 1, *splits))


def test_a_photo_is_predicted_the_same_whatever_its_neighbours(splits):
    from components.segmentation.inference import BATCH, infer

    photos = np.concatenate([splits[0].photos, splits[1].photos, splits[0].photos])
    together = infer(build(), photos)
    assert len(photos) > BATCH
    assert together.dtype == np.float32
    for i in (0, 7, len(photos) - 1):
        assert (infer(build(), photos[i : i + 1])[0] == together[i]).all()


def test_no_photos_have_no_predictions():
    from components.segmentation.inference import infer

    assert infer(build(), np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 32, 32, 3)
