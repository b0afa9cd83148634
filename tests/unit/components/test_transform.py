import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import data_drawn as drawn
import numpy as np
import pytest
from PIL import Image

from components.ingest.stage import run as ingest
from components.segmentation.partition import PARTITIONS, partition_of
from components.transform.stage import run
from ibid.stage.contract import BadInputError


@pytest.fixture
def uploads(tmp_path):
    """Ingest three uploads with the same pets; the photos of each have their own colour."""
    for shade, upload in enumerate(("0002-b", "0010-c", "9-a")):
        content = drawn.files()
        content["images/Tabby_1.jpg"] = drawn.jpeg(np.full((30, 40, 3), 80 * shade + 40, np.uint8))
        if shade:
            del content["images/rover_7.jpg"]
        drawn.unpacked(tmp_path / "stream" / upload, content)
    ingest({"stream": tmp_path / "stream"}, tmp_path / "ingest", drawn.INGEST)
    return tmp_path / "ingest"


def transform(source: Path, output: Path) -> dict[str, bytes]:
    output.mkdir(exist_ok=True)
    run({"ingest": source}, output, drawn.TRANSFORM)
    return drawn.contents(output)


def test_a_pet_lies_in_the_partition_of_its_name_with_three_exclusive_channels(uploads, tmp_path):
    out = transform(uploads, tmp_path / "out")
    folders = {path.rsplit("/", 1)[0] for path in out}
    assert folders == {f"{partition_of(pet)}/{pet}" for pet in ("Tabby_1", "Tabby_2", "rover_7")}
    folder = f"{partition_of('Tabby_2')}/Tabby_2"
    photo = np.asarray(Image.open(io.BytesIO(out[f"{folder}/image.png"])))
    mask = np.asarray(Image.open(io.BytesIO(out[f"{folder}/mask.png"])))
    assert (photo.shape, photo.dtype) == ((64, 64, 3), np.uint8)
    assert mask.shape == (64, 64, 3)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask.astype(int).sum(axis=-1) == 255).all()
    assert mask[:, :28, 0].all()
    assert mask[:, 40:, 1].all()


def test_the_latest_upload_wins_by_number_and_the_others_are_listed(uploads, tmp_path):
    out = transform(uploads, tmp_path / "out")
    folder = f"{partition_of('Tabby_1')}/Tabby_1"
    assert np.asarray(Image.open(io.BytesIO(out[f"{folder}/image.png"]))).mean() == 120
    superseded = json.loads(out[f"{folder}/metadata.json"])["superseded"]
    assert [version["upload"] for version in superseded] == ["9-a", "0002-b"]
    newest = (uploads / "pets/9-a/Tabby_1/image.jpg").read_bytes()
    assert [version["same"] for version in superseded] == [False, False]
    assert superseded[0]["image_sha256"] == hashlib.sha256(newest).hexdigest()
    alone = json.loads(out[f"{partition_of('rover_7')}/rover_7/metadata.json"])
    assert alone["superseded"] == []
    assert alone["breed"] == "rover"


def test_a_union_of_pets_gives_the_union_of_the_outputs(uploads, tmp_path):
    whole = transform(uploads, tmp_path / "whole")
    for pet in ("Tabby_1", "Tabby_2", "rover_7"):
        datum = tmp_path / pet
        for folder in uploads.glob(f"pets/*/{pet}"):
            target = datum / folder.relative_to(uploads)
            target.parent.mkdir(parents=True)
            target.symlink_to(folder)
        transform(datum, tmp_path / "parts")
    assert drawn.contents(tmp_path / "parts") == whole


def test_partitions_follow_md5():
    assert PARTITIONS == ("training", "validation", "calibration", "test")
    counts = dict.fromkeys(PARTITIONS, 0)
    for number in range(1000):
        name = f"Tabby_{number}"
        tenth = int(hashlib.md5(name.encode()).hexdigest(), 16) % 10
        expected = {7: "validation", 8: "calibration", 9: "test"}.get(tenth, "training")
        assert partition_of(name) == expected
        counts[expected] += 1
    assert 650 < counts["training"] < 750


def test_no_pet_is_bad_input(tmp_path):
    (tmp_path / "ingest" / "quarantine").mkdir(parents=True)
    with pytest.raises(BadInputError, match="quarantine"):
        transform(tmp_path / "ingest", tmp_path / "out")


def test_a_pet_with_a_file_missing_is_named(uploads, tmp_path):
    (uploads / "pets" / "0002-b" / "rover_7" / "mask.png").unlink()
    with pytest.raises(BadInputError, match="rover_7"):
        transform(uploads, tmp_path / "out")


@pytest.mark.parametrize("stage", ["ingest", "transform"])
def test_a_data_stage_never_imports_a_framework(stage):
    code = (
        f"import sys, components.{stage}.stage; print({{'keras', 'tensorflow'}} & {{*sys.modules}})"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
