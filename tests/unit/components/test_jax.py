"""What stages share trains under JAX as well: the same stage, another backend."""

import csv
import importlib.util
import io
import subprocess
import sys

import pytest
import tiny_pets

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None,
    reason="needs jax: uv sync --locked --extra jax --group dev",
)


GO_ON = """
import sys
from pathlib import Path
from components.segmentation import dataset, unet
from components.segmentation.recipe import Recipe
from components.segmentation.training import Trainer

splits = [dataset.load(Path(sys.argv[1]) / name) for name in ("training", "validation")]
recipe = Recipe(3, 3, 0.003, True, 9, 0.5, 9)
model = unet.build("plain", 32, seed=3, dropout=0.2, bn_momentum=0.9)
trainer, kept = Trainer(model), []
start = trainer.start(model, recipe)
*_, last = trainer.epochs(recipe, start, 2, *splits, lambda make: kept.append(make()))
amid = next(each for each in kept if each.state.epoch == 1 and len(each.losses) == 1)
*_, again = trainer.epochs(recipe, amid, 2, *splits)
assert again.history == last.history
assert again.fingerprints == last.fingerprints
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    tiny_pets.write_split(folder / "transform" / "training", 8)
    tiny_pets.write_split(folder / "transform" / "validation", 3)
    (folder / "weights").mkdir()
    (folder / "weights" / "weights.json").write_text('{"version": 1, "weights": []}')
    return folder


@pytest.fixture(scope="module")
def outputs(world, tmp_path_factory):
    base = tmp_path_factory.mktemp("runs")
    params = tiny_pets.defaults("train") | {"epochs": 4, "batch_size": 4}
    for number in ("0", "1"):
        changes = {"KERAS_BACKEND": "jax", "PYTHONHASHSEED": number}
        done = tiny_pets.start("train", world, base / number / "out", params, **changes)
        assert done.returncode == 0, done.stderr
    return [base / number / "out" for number in ("0", "1")]


def test_training_makes_the_loss_smaller(outputs):
    text = tiny_pets.files(outputs[0])["history.csv"].decode()
    losses = [float(row["loss"]) for row in csv.DictReader(io.StringIO(text))]
    assert len(losses) == 4
    assert losses[-1] < losses[0]


def test_two_processes_write_the_same_bytes(outputs):
    first, second = map(tiny_pets.files, outputs)
    assert first == second


def test_what_was_trained_under_jax_loads_elsewhere(outputs, world):
    from components.segmentation import dataset
    from components.segmentation.inference import infer, load_model

    photos = dataset.load(world / "transform" / "validation").photos
    assert infer(load_model(outputs[0] / "model.keras"), photos).shape == photos.shape


def test_it_goes_on_from_amid_an_epoch_to_the_same_weights(world):
    done = subprocess.run(
        [sys.executable, "-c", GO_ON, str(world / "transform")],
        env=tiny_pets.environment(KERAS_BACKEND="jax"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
