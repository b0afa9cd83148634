"""Training that is killed at any step and started again ends in the bytes of one that was not."""

import json
import math
import random
from dataclasses import replace

import pytest
import tiny_pets

from components.segmentation import dataset
from components.segmentation.checkpoint import Keeper, from_bytes
from components.segmentation.recipe import Recipe

EPOCHS, STEPS = 5, 3  # steps of an epoch
# Learning slows down and stops early: what remembers that has to come back, too.
RECIPE = Recipe(
    seed=3,
    batch_size=3,
    learning_rate=0.003,
    augment=True,
    plateau_patience=1,
    plateau_factor=0.5,
    early_stopping_patience=3,
    mixup_alpha=0.4,
    label_smoothing=0.1,
)


class KilledError(Exception):
    """What a kill is here."""


class Doomed(Keeper):
    """Keeps every step, and is killed after so many."""

    def __init__(self, path, after):
        super().__init__(path, "mine", math.inf)
        self.after = after

    def offer(self, make):
        super().offer(make)
        self.after -= 1
        if self.after == 0:
            raise KilledError


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transform")
    tiny_pets.write_split(folder / "training", 10)
    tiny_pets.write_split(folder / "validation", 3)
    return [dataset.load(folder / name) for name in ("training", "validation")]


@pytest.fixture(scope="module")
def trainers():
    """Two of the same network: one for a training that is not killed, one for those that are."""
    from components.segmentation import unet
    from components.segmentation.training import Trainer

    def build():
        return unet.build("plain", 32, seed=3, dropout=0.2, bn_momentum=0.9)

    return [Trainer(build()) for _ in range(2)]


def learn(trainer, begin, splits, folder, keeper=None):
    """Train on and write what the stage writes; returns its bytes."""
    from components.segmentation import saving, tensorboard_log
    from components.train import stage

    last = stage.learn(trainer, RECIPE, begin, EPOCHS, *splits, keeper)
    folder.mkdir()
    saving.save(trainer.model, folder / "model.keras")
    tensorboard_log.write(folder / "tensorboard", last.history)
    (folder / "rows.json").write_text(json.dumps([last.history, last.fingerprints]))
    return tiny_pets.files(folder)


@pytest.fixture(scope="module")
def begin(trainers):
    return trainers[0].start(trainers[0].model, RECIPE)


@pytest.fixture(scope="module")
def straight(trainers, begin, splits, tmp_path_factory):
    return learn(trainers[0], begin, splits, tmp_path_factory.mktemp("straight") / "out")


# After each step and after each epoch a checkpoint is offered: the first, those at the end of an
# epoch, the last, and some between.
OFFERS = EPOCHS * (STEPS + 1)
KILLS = [1, STEPS, STEPS + 1, OFFERS, *random.Random(5).sample(range(5, OFFERS), 4)]


@pytest.mark.parametrize("kill", KILLS)
def test_killed_after_any_step_it_ends_in_the_same_bytes(
    trainers, begin, splits, straight, tmp_path, kill
):
    path = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        learn(trainers[1], begin, splits, tmp_path / "killed", Doomed(path, kill))
    kept = Keeper(path, "mine").read()
    assert kept.steps + kept.state.epoch == kill
    assert learn(trainers[1], kept, splits, tmp_path / "out") == straight


def test_killed_again_and_again_it_ends_in_the_same_bytes(
    trainers, begin, splits, straight, tmp_path
):
    keeper, last, killed = Doomed(tmp_path / "checkpoint", 4), begin, 0
    while True:
        try:
            done = learn(trainers[1], last, splits, tmp_path / str(killed), keeper)
        except KilledError:
            killed, keeper.after = killed + 1, 4
            last = keeper.read()
        else:
            break
    assert killed >= 3
    assert done == straight


def test_it_slowed_down_on_the_way(straight):
    history, _ = json.loads(straight["rows.json"])
    assert len({row["learning_rate"] for row in history}) > 1


def test_one_random_generator_that_is_not_put_back_is_noticed(
    trainers, begin, splits, straight, tmp_path
):
    """What a `.keras` file would have lost."""
    path = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        learn(trainers[1], begin, splits, tmp_path / "killed", Doomed(path, 7))
    kept = Keeper(path, "mine").read()
    seeds = [v.dtype.kind in "iu" and v.shape == (2,) for v in kept.variables]
    assert sum(seeds) == 1
    lost = [
        fresh if is_seed else value
        for fresh, value, is_seed in zip(begin.variables, kept.variables, seeds, strict=True)
    ]
    resumed = learn(trainers[1], replace(kept, variables=lost), splits, tmp_path / "out")
    assert resumed["model.keras"] != straight["model.keras"]


def test_a_checkpoint_holds_the_epoch_that_is_under_way(trainers, begin, splits, tmp_path):
    keeper = Doomed(tmp_path / "checkpoint", STEPS + 3)
    with pytest.raises(KilledError):
        learn(trainers[1], begin, splits, tmp_path / "out", keeper)
    content = (tmp_path / "checkpoint").read_bytes().partition(b"\n")[2]
    kept = from_bytes(content)
    assert (kept.state.epoch, len(kept.losses), kept.steps) == (1, 2, STEPS + 2)
