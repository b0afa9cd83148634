import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import data_drawn as drawn
import numpy as np
import pytest
from PIL import Image

from components.ingest.stage import run as ingest
from components.sample.__main__ import draw, main
from components.sample.breeds import names
from components.segmentation.partition import PARTITIONS, partition_of
from components.transform.stage import run as transform
from ibid.stage.contract import BadInputError, ExitCode

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Draw 60 pets and take them through ingest and transform; returns the folder of it all."""
    root = tmp_path_factory.mktemp("sample")
    draw(root / "stream" / "0001-sample", pets=60, seed=1)
    ingest({"stream": root / "stream"}, root / "ingest", drawn.INGEST)
    transform({"ingest": root / "ingest"}, root / "transform", drawn.TRANSFORM)
    return root


def known(root: Path) -> list[dict]:
    return [json.loads(path.read_bytes()) for path in sorted(root.glob("ingest/pets/*/*/*.json"))]


def channels(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*/mask.png"))])


def test_every_drawn_pet_can_be_used(sample):
    assert not (sample / "ingest" / "quarantine").exists()
    assert len(known(sample)) == 60


def test_it_has_the_quirks_of_the_real_one(sample):
    pets = known(sample)
    assert {pet["species"] for pet in pets} == {"cat", "dog"}
    assert len({pet["breed"] for pet in pets}) >= 4
    notes = Counter(note.split(":")[0] for pet in pets for note in pet["notes"])
    assert notes["not in list.txt"] == 1
    assert 1 <= notes["encoded anew"] <= 3
    assert all(pet["class_id"] for pet in pets)
    assert 20 <= sum(bool(pet["heads"]) for pet in pets) <= 40
    assert len({(pet["width"] > pet["height"]) for pet in pets}) == 2


def test_every_photo_shows_a_pet_a_border_and_a_background(sample):
    for partition in PARTITIONS:
        share = (channels(sample / "transform" / partition) > 0).mean(axis=(1, 2))
        assert (share > 0.01).all()


def test_the_mean_mask_is_no_good_guess(sample):
    guess = channels(sample / "transform" / "training").mean(axis=0).argmax(axis=-1)
    truth = channels(sample / "transform" / "test").argmax(axis=-1)
    scores = [
        ((truth == value) & (guess == value)).sum() / ((truth == value) | (guess == value)).sum()
        for value in range(3)
    ]
    assert np.mean(scores) < 0.45


@pytest.mark.parametrize("pets", [20, 40, 63, 160])
def test_partitions_are_balanced_whatever_the_number(pets):
    drawn_names = [name for name, _ in names(pets)]
    assert len(set(drawn_names)) == pets
    counts = Counter(partition_of(name) for name in drawn_names)
    assert abs(counts["training"] - 0.7 * pets) <= 2
    assert all(abs(counts[name] - pets / 10) <= 1 for name in PARTITIONS[1:])


def test_the_same_arguments_give_the_same_bytes_in_another_world(tmp_path):
    worlds = [("UTC", "0"), ("Asia/Tokyo", "77")]
    for zone, seed in worlds:
        environment = os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "components.sample", zone.replace("/", "-"), "--pets=12"]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert drawn.contents(tmp_path / "UTC") == drawn.contents(tmp_path / "Asia-Tokyo")


def test_drawing_again_changes_nothing_and_another_seed_does(tmp_path):
    folder = tmp_path / "sample"
    assert draw(folder, pets=2, seed=1)
    before = drawn.contents(folder), {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert not draw(folder, pets=2, seed=1)
    after = drawn.contents(folder), {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert before == after
    assert draw(folder, pets=2, seed=2)
    assert drawn.contents(folder) != before[0]


def test_a_pet_does_not_depend_on_how_many_there_are(tmp_path):
    draw(tmp_path / "few" / "0001-a", pets=2, seed=1)
    draw(tmp_path / "many" / "0001-a", pets=4, seed=1)
    for count in ("few", "many"):
        ingest({"stream": tmp_path / count}, tmp_path / f"{count}-out", drawn.INGEST)
    few, many = (drawn.contents(tmp_path / f"{count}-out") for count in ("few", "many"))
    assert few.items() <= many.items()


@pytest.mark.parametrize("name", ["holiday.jpg", "images.tar.gz", "annotations.tar.gz"])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, name, capsys):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(BadInputError, match=name) as caught:
        draw(tmp_path, pets=1, seed=1)
    assert caught.value.hint
    assert main([str(tmp_path), "--pets=1"]) == ExitCode.BAD_INPUT
    assert "hint:" in capsys.readouterr().err
    assert drawn.contents(tmp_path) == {name: b"precious"}


def test_an_unfinished_drawing_is_finished(tmp_path):
    draw(tmp_path, pets=2, seed=1)
    whole = drawn.contents(tmp_path)
    (tmp_path / "images.tar.gz").rename(tmp_path / "images.tar.gz.draft")
    draw(tmp_path, pets=2, seed=1)
    assert drawn.contents(tmp_path) == whole


@pytest.mark.parametrize("argument", ["--pets=0", "--pets=-1", "--pets=many", "--seed=-1"])
def test_a_number_that_is_none_is_a_usage_error(tmp_path, argument, capsys):
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), argument])
    assert caught.value.code == ExitCode.USAGE
    assert argument.split("=")[0] in capsys.readouterr().err
