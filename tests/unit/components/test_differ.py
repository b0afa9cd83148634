"""Where two trainings differ: the first epoch and layer, and the tensors that differ most."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from components.train import differ


def write(folder, digests, **tensors):
    """Write what `train` does, as far as the differ reads it."""
    folder.mkdir()
    rows = [f"{epoch},{layer},{digest}\n" for epoch, layer, digest in digests]
    (folder / "weights.csv").write_text("epoch,layer,sha256\n" + "".join(rows))
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, values in tensors.items():
            group = file.create_group(f"layers/{name}_of_its_class/vars")
            group.attrs["name"] = name
            group["0"] = np.array(values, dtype="float32")
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", stream.getvalue())


@pytest.fixture
def compare(tmp_path):
    """Run the differ over what was written as `then` and `now`."""

    def run():
        (tmp_path / "out").mkdir()
        inputs = {name: tmp_path / name for name in ("then", "now")}
        differ.run(inputs, tmp_path / "out", {})
        return json.loads((tmp_path / "out" / "differences.json").read_bytes())

    return run


def test_the_first_epoch_with_its_layers_is_named(tmp_path, compare):
    equal = [(0, "conv", "a"), (0, "head", "a"), (1, "conv", "b")]
    write(tmp_path / "then", [*equal, (1, "head", "b"), (2, "conv", "c")])
    write(tmp_path / "now", [*equal, (1, "head", "x"), (2, "conv", "y")])
    assert compare() == ["weights.csv: first within epoch 1: layer head"]


def test_a_difference_before_the_first_step_is_one_of_the_beginning(tmp_path, compare):
    write(tmp_path / "then", [(0, "dropout", "a"), (1, "conv", "b")])
    write(tmp_path / "now", [(0, "dropout", "x"), (1, "conv", "y")])
    (line,) = compare()
    assert line == "weights.csv: first before the first step (epoch 0): layer dropout"


def test_another_count_of_epochs_is_said(tmp_path, compare):
    write(tmp_path / "then", [(0, "conv", "a"), (1, "conv", "b")])
    write(tmp_path / "now", [(0, "conv", "a")])
    assert compare() == ["weights.csv: equal as far as both go: 1 epochs -> 0"]


def test_the_tensors_that_differ_most_are_named(tmp_path, compare):
    write(tmp_path / "then", [], a=[1, 2], b=[1], c=[0], d=[0], e=[7])
    write(tmp_path / "now", [], a=[1, 2.5], b=[3], c=[0.1], d=[0.2], e=[7])
    assert compare() == [
        "model.keras: tensor b/0 differs by up to 2",
        "model.keras: tensor a/0 differs by up to 0.5",
        "model.keras: tensor d/0 differs by up to 0.2",
        "model.keras: and 1 more of 5 tensors",
    ]


def test_tensors_that_one_side_lacks_or_shapes_otherwise_are_named(tmp_path, compare):
    write(tmp_path / "then", [], a=[1, 2], b=[1])
    write(tmp_path / "now", [], a=[1, 2, 3], c=[1])
    assert compare() == [
        "model.keras: tensor b/0 is gone",
        "model.keras: tensor c/0 is new",
        "model.keras: tensor a/0 differs by up to inf",
    ]


def test_equal_trainings_have_no_difference(tmp_path, compare):
    for name in ("then", "now"):
        write(tmp_path / name, [(0, "conv", "a")], a=[1, float("nan")])
    assert compare() == []
