"""Each row of the tables in docs/guides/data.md, by what its user sees."""

import io
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import data_drawn as drawn
import data_hostile as hostile
import numpy as np
import pytest
from PIL import Image

from components.ingest.member import printable
from components.ingest.stage import run as ingest
from components.transform.stage import run as transform

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "data.md"
ROW = re.compile(r"\| `(?P<case>[a-z0-9-]+)` \| .+ \| (?P<what>.+) \| (?P<seen>.+) \|")
ROWS = {row["case"]: row for row in map(ROW.fullmatch, GUIDE.read_text().splitlines()) if row}
# Read in a process of its own, of which the memory is bounded.
BOMBS = {"zeros", "zeros-after", "million", "long-header", "headers-of-headers"}
MEMORY = 500_000_000
PETS = {"Tabby_1", "Tabby_2", "rover_7"}


@pytest.fixture
def good():
    """An upload beside the one at hand, of a pet of its own."""
    return {
        "images/Bengal_1.jpg": drawn.jpeg(comment=b"good"),
        "annotations/trimaps/Bengal_1.png": drawn.png(),
        "annotations/list.txt": b"Bengal_1 3 1 1\n",
    }


@pytest.fixture
def world(tmp_path, good, capsys):
    """Lay a case, run ingest and transform; returns the exit code, the outputs and stderr."""

    def world(case):
        for folder in ("stream", "ingest", "transform"):
            (tmp_path / folder).mkdir()
        hostile.lay(case, tmp_path / "stream" / "0001-a")
        drawn.packed(tmp_path / "stream" / "0002-b", good)
        code = ingest({"stream": tmp_path / "stream"}, tmp_path / "ingest", drawn.INGEST)
        transform({"ingest": tmp_path / "ingest"}, tmp_path / "transform", drawn.TRANSFORM)
        assert {path.name for path in tmp_path.iterdir()} == {"stream", "ingest", "transform"}
        outputs = (drawn.contents(tmp_path / name) for name in ("ingest", "transform"))
        return code, *outputs, capsys.readouterr().err

    return world


def told(records):
    return [json.loads(data) for path, data in records.items() if path.endswith(".json")]


def accounted(taken):
    """List the photos of the upload at hand that ended as a pet or in quarantine."""
    of_pets = told({path: taken[path] for path in taken if path.startswith("pets/0001-a/")})
    asides = told({path: taken[path] for path in taken if path.startswith("quarantine/0001-a/")})
    return [pet["source"]["file"] for pet in of_pets] + [
        record["file"] for record in asides if record["part"] == "images"
    ]


def outcome(case):
    return re.split("[:,]", ROWS[case]["what"])[0]


def shown(cell, texts):
    """Tell whether what a cell quotes, with … for anything, is among the texts."""
    if cell == "nothing":
        return not texts
    expected = re.compile(".*".join(map(re.escape, cell.strip("`").split("…"))), re.DOTALL)
    return any(expected.fullmatch(text) for text in texts)


def test_each_case_has_its_row_and_each_row_its_case():
    assert set(ROWS) == hostile.CASES
    assert {outcome(case) for case in ROWS} == {"a pet", "set aside", "refused"}


@pytest.mark.parametrize("case", sorted(hostile.CASES - BOMBS))
def test_what_happens_is_what_the_guide_says(world, case):
    code, taken, made, log = world(case)
    pets = {Path(path).parent.name for path in made}
    asides = told({path: data for path, data in taken.items() if path.startswith("quarantine")})
    notes = [note for pet in told(made) for note in pet["notes"]]
    reasons = [record["reason"] for record in asides]
    assert code == (4 if outcome(case) == "refused" else 0)
    assert shown(ROWS[case]["seen"], notes if outcome(case) == "a pet" else reasons)
    assert "Bengal_1" in pets
    if outcome(case) == "refused":
        assert pets == {"Bengal_1"}
        assert reasons[0].partition(" Received")[0] in log
        assert "ibid rm stream:0001-a" in log
    else:
        assert pets >= PETS - {"Tabby_1"}
        assert outcome(case) != "a pet" or "Tabby_1" in pets
    if case in hostile.CHANGES:
        photos = [name[7:] for name in hostile.changed(case) if name.startswith("images/")]
        assert sorted(accounted(taken)) == sorted(map(printable, photos))


@pytest.mark.parametrize("case", sorted(BOMBS))
def test_a_bomb_is_refused_within_little_memory(tmp_path, case):
    hostile.lay(case, tmp_path / "stream" / "0001-a")
    (tmp_path / "ingest.json").write_text(json.dumps(drawn.INGEST))
    places = {"stream": tmp_path / "stream", "params": tmp_path / "ingest.json"}
    done = subprocess.run(
        [sys.executable, "-m", "components.ingest", f"--out={tmp_path / 'out'}"]
        + [f"--in={name}={path}" for name, path in places.items()],
        cwd=GUIDE.parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    [record] = told(drawn.contents(tmp_path / "out"))
    assert shown(ROWS[case]["seen"], [record["reason"]])


@pytest.mark.parametrize("case", ["png", "bmp", "webp", "cmyk", "16-bit-colour", "transparent"])
def test_a_photo_in_another_form_keeps_its_colours(world, case):
    _, taken, _, _ = world(case)
    photo = Image.open(io.BytesIO(taken["pets/0001-a/Tabby_1/image.jpg"]))
    assert np.abs(np.asarray(photo).astype(int) - drawn.pixels()).mean() < 6


@pytest.mark.parametrize("case", ["grey", "gif", "palette", "animated"])
def test_a_photo_of_fewer_colours_keeps_its_shades(world, case):
    _, taken, _, _ = world(case)
    photo = Image.open(io.BytesIO(taken["pets/0001-a/Tabby_1/image.jpg"])).convert("L")
    grey = np.asarray(Image.fromarray(drawn.pixels()).convert("L")).astype(int)
    assert np.abs(np.asarray(photo) - grey).mean() < 8
