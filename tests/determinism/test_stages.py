"""Stages give the same bytes wherever, whenever and for whomever they run; see also `whole`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.determinism.circumstances import ALL, ONE, ROOT, digests, elsewhere, here

PORTABLE = {"level": "portable", "threads": 2, "isa": "AVX2"}
INGEST = {"version": 1, "jpeg_quality": 95, "max_file_mb": 64}
TRANSFORM = {"version": 1, "image_size": 32}
TRAIN = {
    "version": 1,
    "seed": 42,
    "determinism": PORTABLE,
    "backbone": "plain",
    "batch_size": 4,
    "learning_rate": 0.002,
    "epochs": 2,
    "augment": True,
    "dropout": 0.1,
    "bn_momentum": 0.9,
    "plateau_patience": 5,
    "plateau_factor": 0.5,
    "early_stopping_patience": 10,
}


def start(where, module, params, **inputs):
    """Start a stage; returns the folder that it has filled."""
    home = where.folder / module
    home.mkdir(parents=True)
    (home / "params.json").write_text(json.dumps(params))
    given = [f"--in={name}={path}" for name, path in inputs.items()]
    given += [f"--in=params={home / 'params.json'}", f"--out={home / 'out'}"]
    where.run([sys.executable, "-m", f"components.{module}", *given], home / "work")
    return home / "out"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What ingest and transform have made of one upload, here on all cores and elsewhere on one."""
    stream = tmp_path_factory.mktemp("stream")
    subprocess.run(
        [sys.executable, "-m", "components.sample", stream / "0001-a", "--pets", "20"],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    found = []
    for where in (
        here(tmp_path_factory.mktemp("here"), ALL),
        elsewhere(tmp_path_factory.mktemp("elsewhere"), ONE),
    ):
        taken = start(where, "ingest", INGEST, stream=stream)
        found.append((where, taken, start(where, "transform", TRANSFORM, ingest=taken)))
    return found


def test_ingest_and_transform_do_not_tell_where_they_ran(made):
    (_, *one), (_, *two) = made
    assert [digests(folder) for folder in one] == [digests(folder) for folder in two]
    assert all(digests(folder) for folder in one)


def test_a_portable_training_is_the_same_on_one_core_elsewhere(made):
    weights = Path(ROOT, "pipelines/pets/weights")
    one, two = (
        digests(start(where, "train", TRAIN, transform=photos, weights=weights))
        for where, _, photos in made
    )
    assert one == two
    assert {"model.keras", "history.csv", "mean_mask.npz"} <= {*one}
