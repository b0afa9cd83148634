"""Hostile uploads through the command line: what `ibid put` says and leaves."""

import json
import shutil
from pathlib import Path

import data_drawn as drawn
import data_hostile as hostile
import pytest
import yaml

ROOT = Path(__file__).parents[3]


def pets(words):
    """Make the project that of the pets, as far as transform."""
    shutil.rmtree(words.root / "pipelines")
    shutil.copytree(ROOT / "components", words.root / "components")
    folder = shutil.copytree(ROOT / "pipelines" / "pets", words.root / "pipelines" / "pets")
    source = folder / "pipeline.yaml"
    whole = yaml.safe_load(source.read_text())
    whole["pipelines"] = [p for p in whole["pipelines"] if p["name"] in ("ingest", "transform")]
    del whole["summary"], whole["report"], whole["next"]
    source.write_text(yaml.safe_dump(whole))
    words.ibid("specs")
    drawn.packed(words.root / "good", good())
    words.ibid("put", "stream", words.root / "good")
    return words


def good():
    return {
        "images/Bengal_1.jpg": drawn.jpeg(comment=b"good"),
        "annotations/trimaps/Bengal_1.png": drawn.png(),
    }


@pytest.fixture
def project(prepared):
    return prepared(pets)


def names(project, address):
    return {entry["name"] for entry in project.json("ls", address)}


def test_a_refused_upload_says_so_and_the_pets_of_the_others_go_on(project):
    hostile.lay("cut", project.root / "bad")
    drawn.packed(project.root / "third", drawn.files())
    project.ibid("put", "stream", project.root / "bad", "--no-run")
    done = project.ibid("put", "stream", project.root / "third", code=4)
    record = json.loads(project.ibid("cat", "ingest:/quarantine/0002-bad/0002-bad.json").stdout)
    assert record["reason"].partition(" Received")[0] in done.stderr
    assert "ibid rm stream:0002-bad" in done.stderr
    assert names(project, "ingest:/pets") == {"0001-good", "0003-third"}
    assert names(project, "stream") == {"0001-good", "0002-bad", "0003-third"}
    project.ibid("rm", "stream:0002-bad")
    assert names(project, "ingest") == {"pets"}


def test_without_any_pet_the_run_fails_and_tells_what_was_refused(project):
    hostile.lay("no-pets", project.root / "bad")
    project.ibid("put", "stream", project.root / "bad", "--no-run", code=0)
    done = project.ibid("rm", "stream:0001-good", code=3)
    assert "Expected at least one datum" in done.stderr
    assert "Expected photos with masks in the upload" in done.stderr


def test_odd_names_of_an_unpacked_upload_are_put_and_set_aside_each_by_itself(project):
    odd = {"images/Caf\u00e9.jpg", "images/Cafe\u0301.jpg", "images/a\n.jpg", "images/-rf.jpg"}
    content = drawn.files() | dict.fromkeys([*odd, "images/a b.jpg"], hostile.MORE)
    drawn.unpacked(project.root / "odd", content)
    project.ibid("put", "stream", project.root / "odd")
    records = names(project, "ingest:/quarantine/0002-odd")
    files = {
        json.loads(project.ibid("cat", f"ingest:/quarantine/0002-odd/{record}").stdout)["file"]
        for record in records
    }
    assert files == {name.removeprefix("images/") for name in (*odd, "images/a b.jpg")}
    assert names(project, "ingest:/pets/0002-odd") == {"Tabby_1", "Tabby_2", "rover_7"}


def test_an_empty_upload_is_not_put(project):
    (project.root / "empty" / "images").mkdir(parents=True)
    done = project.ibid("put", "stream", project.root / "empty", code=3)
    assert "empty" in done.stderr
    assert names(project, "stream") == {"0001-good"}
