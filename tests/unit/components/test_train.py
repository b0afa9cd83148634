import csv
import hashlib
import io
import json
import re
from itertools import product

import numpy as np
import pytest
import tiny_pets

from components.segmentation import dataset
from components.train import stage
from components.train.parameters import Parameters
from ibid.stage import contract
from ibid.stage.contract import BadInputError, ExitCode

# As Katib's collector of standard output finds metrics.
KATIB = re.compile(r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)")
TINY = {"epochs": 2, "batch_size": 4, "mixup_alpha": 0.2, "label_smoothing": 0.1}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    tiny_pets.write_split(folder / "transform" / "training", 8)
    tiny_pets.write_split(folder / "transform" / "validation", 3)
    (folder / "weights").mkdir()
    (folder / "weights" / "weights.json").write_text('{"version": 1, "weights": []}')
    (folder / "tune").mkdir()
    optimum = {"backbone": "plain", "batch_size": 8, "learning_rate": 0.003}
    (folder / "tune" / "optimal_hp.json").write_text(json.dumps(optimum))
    return folder


@pytest.fixture(scope="module")
def runs(world, tmp_path_factory):
    """The stage in two processes that differ in all that must not matter."""
    base = tmp_path_factory.mktemp("runs")
    params = tiny_pets.defaults("model") | TINY
    environments = [
        {"PYTHONHASHSEED": "0", "TZ": "UTC"},
        {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PACH_JOB_ID": "f00"},
    ]
    done = []
    for number, environment in enumerate(environments):
        home = {"HOME": str(base / f"home{number}"), "TMPDIR": str(base / f"tmp{number}")}
        for folder in home.values():
            (base / folder).mkdir()
        output = base / str(number) / "out"
        done.append(
            (tiny_pets.start("train", world, output, params, **home, **environment), output)
        )
        assert done[-1][0].returncode == 0, done[-1][0].stderr
        assert not any(any((base / folder).iterdir()) for folder in home.values())
    return done


@pytest.fixture(scope="module")
def output(runs):
    return tiny_pets.files(runs[0][1])


def refuse(world, tmp_path, **changes):
    params = tiny_pets.defaults("train") | changes
    inputs = {entry.name: entry for entry in world.iterdir() if entry.name != "tune"}
    return stage.run(inputs, tmp_path, params)


def test_two_processes_write_the_same_bytes(runs):
    first, second = (tiny_pets.files(output) for _, output in runs)
    assert first == second
    assert set(first) == {
        "history.csv",
        "mean_mask.npz",
        "model.keras",
        "tensorboard/events.out.tfevents.0.ibid",
        "weights.csv",
    }


def test_history_says_how_it_went_and_where_values_came_from(output):
    rows = list(csv.DictReader(io.StringIO(output["history.csv"].decode())))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(0 <= float(row["val_mean_iou"]) <= 1 for row in rows)
    for row in rows:
        assert row["batch_size"] == "4"
        assert row["backbone"] == "plain"
        assert row["initial_learning_rate"] == "0.003"
        assert row["tuned"] == "backbone learning_rate"


def test_the_weights_of_each_epoch_have_a_digest_a_layer(output):
    rows = list(csv.DictReader(io.StringIO(output["weights.csv"].decode())))
    layers = [row["layer"] for row in rows if row["epoch"] == "0"]
    assert layers[:2] == ["encoder1_convolution", "encoder1_norm"]
    assert layers[-1] == "probabilities"
    assert [(row["epoch"], row["layer"]) for row in rows] == list(product("012", layers))
    # The random generator of dropout has gone on, so even it is another one after each epoch.
    assert len({(row["layer"], row["sha256"]) for row in rows}) == len(rows)


def test_each_epoch_is_a_line_that_katib_can_collect(runs):
    lines = runs[0][0].stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["Epoch[1]", "Epoch[2]"]
    found = {name: float(value) for name, value, *_ in KATIB.findall(lines[1])}
    assert {"loss", "val_loss", "val_mean_iou", "learning_rate"} <= set(found)
    assert found["learning_rate"] == 0.003


def test_the_throughput_is_printed_and_not_written(runs, output):
    assert re.search(r"\d+\.\d images/s", runs[0][0].stdout.splitlines()[-1])
    assert not any(b"images/s" in content for content in output.values())


def test_the_mean_mask_is_of_the_training_split(world, output):
    with np.load(io.BytesIO(output["mean_mask.npz"])) as arrays:
        split = dataset.load(world / "transform" / "training")
        assert (arrays["mean"] == dataset.mean_mask(split)).all()


def test_tensorboard_reads_the_history(runs, output):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(runs[0][1] / "tensorboard")).Reload()
    rows = list(csv.DictReader(io.StringIO(output["history.csv"].decode())))
    scalars = events.Scalars("val_mean_iou")
    assert [(event.step, event.wall_time) for event in scalars] == [(1, 0), (2, 0)]
    assert [event.value for event in scalars] == pytest.approx(
        [float(row["val_mean_iou"]) for row in rows]
    )


def test_an_empty_validation_split_is_refused(world, tmp_path):
    transform = tmp_path / "transform"
    tiny_pets.write_split(transform / "training", 4)
    inputs = {"transform": transform, "weights": world / "weights"}
    with pytest.raises(BadInputError, match="validation") as refused:
        stage.run(inputs, tmp_path / "out", tiny_pets.defaults("train"))
    assert refused.value.received == "training 4, validation 0, calibration 0, test 0"


def test_a_missing_value_without_tune_is_refused(world, tmp_path):
    with pytest.raises(BadInputError, match="no input `tune`"):
        refuse(world, tmp_path, backbone=None)


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"dropout": 1.0}, {"momentum": 0.9}, {"mixup_alpha": -1}]
)
def test_parameters_out_of_bounds_are_refused(world, tmp_path, change):
    with pytest.raises(BadInputError, match=r"components\.train\.parameters"):
        refuse(world, tmp_path, **change)


def test_parameters_from_before_soft_masks_mean_none():
    before = tiny_pets.defaults("train") | {"version": 1}
    del before["mixup_alpha"], before["label_smoothing"]
    assert Parameters.of(before) == Parameters.of(tiny_pets.defaults("train"))


def test_a_batch_that_the_training_split_cannot_fill_is_refused_with_both_counts(world, tmp_path):
    with pytest.raises(BadInputError, match="no larger than the training split") as refused:
        refuse(world, tmp_path, batch_size=9)
    assert refused.value.received == "batch_size 9, 8 photos"
    assert "train.batch_size=8" in refused.value.hint


WEIGHTS = {
    "missing": (None, "Received: no such file"),
    "other bytes": (b"others", f"Received: {hashlib.sha256(b'others').hexdigest()}"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_are_not_what_the_listing_says_are_refused(world, tmp_path, case):
    content, received = WEIGHTS[case]
    entry = {
        "backbone": "mobilenetv2",
        "file": "w.h5",
        "sha256": hashlib.sha256(b"some").hexdigest(),
        "source": "https://example.org/w.h5",
        "licence": "Apache-2.0",
    }
    (tmp_path / "weights.json").write_text(json.dumps({"version": 1, "weights": [entry]}))
    if content:
        (tmp_path / "w.h5").write_bytes(content)
    inputs = {"transform": world / "transform", "weights": tmp_path}
    with pytest.raises(BadInputError) as refused:
        stage.run(inputs, tmp_path, tiny_pets.defaults("train") | {"backbone": "mobilenetv2"})
    told = str(refused.value)
    assert f"Expected w.h5 with the sha256 {entry['sha256']}." in told
    assert received in told
    assert "hint: fetch it again from https://example.org/w.h5" in told


@pytest.mark.parametrize("change", [{"backbone": None}, {"batch_size": 9}])
def test_a_refusal_is_an_exit_code(world, tmp_path, change):
    params = tmp_path / "train.json"
    params.write_text(json.dumps(tiny_pets.defaults("train") | change))
    named = {"transform": world / "transform", "weights": world / "weights", "params": params}
    arguments = [word for name, path in named.items() for word in ("--in", f"{name}={path}")]
    code = contract.main(stage.run, [*arguments, "--out", str(tmp_path / "out")])
    assert code == ExitCode.BAD_INPUT
