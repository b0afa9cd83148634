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
SOFT = replace(RECIPE, mixup_alpha=0.4, label_smoothing=0.1)


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


def product_loss(truth, probabilities):
    """The loss as it is written for hard masks."""
    from keras import ops

    truth = ops.cast(truth, probabilities.dtype)
    entropy = ops.mean(ops.binary_crossentropy(truth, probabilities), axis=(1, 2, 3))
    both = ops.sum(truth * probabilities, axis=(1, 2))
    either = ops.sum(truth + probabilities, axis=(1, 2)) - both
    return entropy + ops.mean(1 - (both + 1) / (either + 1), axis=-1)


def test_without_softening_the_bits_are_those_of_hard_masks(straight, splits):
    """Training by hand: our order, our augmentation, uint8 masks, products for intersections."""
    import keras

    from components.segmentation.augmentation import augment, generator

    model, (training, _) = build(), splits
    model.compile(keras.optimizers.Adam(RECIPE.learning_rate), product_loss, jit_compile=False)
    for epoch in (1, 2):
        order = generator(RECIPE.seed, "order", epoch).permutation(len(training))
        losses = []
        for chosen in (order[:4], order[4:8]):
            pairs = [
                augment(training.photos[i], training.masks[i], seed=1, pet=f"pet_{i}", epoch=epoch)
                for i in chosen
            ]
            photos, masks = (np.stack(part) for part in zip(*pairs, strict=True))
            losses.append(model.train_on_batch(photos, masks))
        assert np.mean(losses, dtype=float) == straight[epoch - 1].history[-1]["loss"]
    variables = [*model.variables, *model.optimizer.variables]
    for one, other in zip(variables, straight[1].variables, strict=True):
        assert (keras.ops.convert_to_numpy(one) == other).all()


@pytest.fixture(scope="module")
def softened(trainer, splits):
    """Three epochs with mixed and smoothed masks."""
    return list(trainer.epochs(SOFT, trainer.start(build(), SOFT), 3, *splits))


def test_softening_changes_what_is_learnt(softened, straight):
    assert softened[0].history[0]["loss"] != straight[0].history[0]["loss"]
    assert softened[0].history[0]["val_loss"] != straight[0].history[0]["val_loss"]


def test_a_softened_training_goes_on_from_a_checkpoint(trainer, softened, splits):
    again = list(trainer.epochs(SOFT, softened[0], 3, *splits))
    assert again[-1].history == softened[-1].history
    for one, other in zip(again[-1].variables, softened[-1].variables, strict=True):
        assert (one == other).all()


def test_validation_is_neither_mixed_nor_smoothed(trainer, softened, splits):
    from components.segmentation.inference import infer

    checkpoint = softened[-1]
    row = checkpoint.history[-1]
    weights = checkpoint.variables[: len(trainer.model.variables)]
    for variable, value in zip(trainer.model.variables, weights, strict=True):
        variable.assign(value)
    scores = metrics.score(splits[1].masks, infer(trainer.model, splits[1].photos))
    assert {f"val_{name}": value for name, value in scores.items()}.items() <= row.items()


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
