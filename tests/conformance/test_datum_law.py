"""The law of datums: a run over a union of datums is the union of the runs.

Pachyderm cuts the input into datums, Kubeflow has none; the law is why both give the same bytes.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import data_drawn as drawn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from components.ingest.stage import run as ingest
from components.transform.stage import run as transform

ROOT = Path(__file__).parents[2]
INGEST = drawn.INGEST
TRANSFORM = {"version": 1, "image_size": 32}


def files(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """Three uploads; the third holds other bytes for pets of the first."""
    folder = tmp_path_factory.mktemp("stream")
    for number, (seed, pets) in enumerate([(1, 12), (2, 8), (3, 5)], start=1):
        arguments = ["--pets", str(pets), "--seed", str(seed)]
        subprocess.run(
            [sys.executable, "-m", "components.sample", folder / f"000{number}-s", *arguments],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return folder


@pytest.fixture(scope="module")
def whole(stream, tmp_path_factory):
    out = tmp_path_factory.mktemp("ingest")
    ingest({"stream": stream}, out, INGEST)
    return out


def test_ingest_of_all_uploads_is_the_union_of_each(stream, whole, tmp_path):
    union = {}
    for upload in stream.iterdir():
        given_one, out = tmp_path / upload.name / "in", tmp_path / upload.name / "out"
        shutil.copytree(upload, given_one / upload.name)
        out.mkdir()
        ingest({"stream": given_one}, out, INGEST)
        assert not union.keys() & files(out).keys()
        union |= files(out)
    assert union == files(whole)


@settings(max_examples=5, deadline=None)
@given(data=some.data())
def test_transform_of_any_partition_of_the_pets_is_the_union(whole, tmp_path_factory, data):
    pets = sorted({path.name for path in whole.glob("pets/*/*")})
    parts = [data.draw(some.integers(0, 2), label=pet) for pet in pets]
    base, union = tmp_path_factory.mktemp("transform"), {}
    for part in range(3):
        out = base / f"out{part}"
        out.mkdir()
        for path in whole.glob("pets/*/*"):
            if parts[pets.index(path.name)] == part:
                shutil.copytree(path, base / f"in{part}" / path.relative_to(whole))
        if (base / f"in{part}").exists():
            transform({"ingest": base / f"in{part}"}, out, TRANSFORM)
        union |= files(out)
    alone = base / "alone"
    alone.mkdir()
    transform({"ingest": whole}, alone, TRANSFORM)
    assert union == files(alone)


def test_the_latest_upload_of_a_pet_wins_and_the_others_are_listed(whole, tmp_path):
    transform({"ingest": whole}, tmp_path, TRANSFORM)
    several = [
        json.loads(path.read_text())
        for path in tmp_path.glob("*/*/metadata.json")
        if json.loads(path.read_text())["superseded"]
    ]
    assert several
    assert all(entry["upload"] < "0003" for one in several for entry in one["superseded"])
