import json
import os
import random
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ibid.stage import canonical

steady = settings(deadline=None, max_examples=40)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=15,
)


def shuffled(value, random_state):
    """Return an equal value whose dictionaries were filled in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        random_state.shuffle(items)
        return {key: shuffled(inner, random_state) for key, inner in items}
    if isinstance(value, list):
        return [shuffled(inner, random_state) for inner in value]
    return value


@steady
@given(VALUES, st.integers())
def test_the_bytes_of_json_do_not_depend_on_the_order_of_dictionaries(value, seed):
    data = canonical.json_bytes(value)
    assert canonical.json_bytes(shuffled(value, random.Random(seed))) == data


@steady
@given(VALUES)
def test_json_reads_back_the_same_and_is_canonical_again(value):
    data = canonical.json_bytes(value)
    assert json.loads(data) == value
    assert canonical.json_bytes(json.loads(data)) == data


def test_json_is_utf_8_with_a_line_an_item_and_a_newline_at_the_end():
    assert canonical.json_bytes({"b": 1, "a": "ü"}) == '{\n  "a": "ü",\n  "b": 1\n}\n'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_what_is_no_number(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical.json_bytes({"a": [value]})


def test_csv_has_lf_line_ends_and_floats_that_read_back(tmp_path):
    path = tmp_path / "a.csv"
    third = np.float64(1) / 3
    canonical.write_csv(path, ["name", "value"], [["a,b", 0.1], ["ü\n", third], [None, 3]])
    assert path.read_bytes().decode() == ('name,value\n"a,b",0.1\n"ü\n",0.3333333333333333\n,3\n')


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_a_png_reads_back_the_same_pixels(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    canonical.write_png(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert (np.asarray(image) == pixels).all()
        assert image.info == {}


def test_a_png_holds_header_pixels_and_end_only(tmp_path):
    canonical.write_png(tmp_path / "a.png", np.zeros((3, 3), np.uint8))
    data, chunks, at = (tmp_path / "a.png").read_bytes(), [], 8
    while at < len(data):
        chunks.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4])
    assert chunks == [b"IHDR", b"IDAT", b"IEND"]


def test_an_npz_reads_back_the_same_arrays(tmp_path):
    arrays = {
        "b": np.arange(6, dtype=np.float32).reshape(2, 3),
        "a/c": np.array(3.5),
        "empty": np.zeros((0, 2), np.int64),
    }
    canonical.write_npz(tmp_path / "a.npz", arrays)
    with np.load(tmp_path / "a.npz") as loaded:
        assert sorted(loaded.files) == ["a/c", "b", "empty"]
        for name, array in arrays.items():
            assert loaded[name].dtype == array.dtype
            assert loaded[name].shape == array.shape
            assert (loaded[name] == array).all()


def test_equal_arrays_give_equal_npz_however_they_lie_in_memory(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    canonical.write_npz(tmp_path / "c.npz", {"a": array, "b": array})
    canonical.write_npz(tmp_path / "f.npz", {"b": array, "a": np.asfortranarray(array)})
    assert (tmp_path / "c.npz").read_bytes() == (tmp_path / "f.npz").read_bytes()


def test_an_npz_refuses_pickles(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        canonical.write_npz(tmp_path / "a.npz", {"a": np.array([{}], dtype=object)})


def test_a_zip_reads_back_the_same_members(tmp_path):
    members = {"b/ü.txt": b"1", "a": b"", "c": bytes(range(256))}
    canonical.write_zip(tmp_path / "a.zip", members)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members
        assert archive.namelist() == sorted(members)


@pytest.mark.parametrize("kind", ["npz", "zip"])
def test_archives_are_stored_uncompressed_and_without_times(tmp_path, kind):
    path = tmp_path / "a"
    if kind == "npz":
        canonical.write_npz(path, {"a": np.zeros(1000)})
    else:
        canonical.write_zip(path, {"a": bytes(1000)})
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert member.compress_type == zipfile.ZIP_STORED


PROGRAM = """
import sys
from pathlib import Path
import numpy
from ibid.stage import canonical
folder = Path(sys.argv[1])
names = list({"a", "b", "c", "d"})
canonical.write_json(folder / "a.json", {name: {name: 0.1} for name in names})
canonical.write_csv(folder / "a.csv", ["x"], [[1 / 3], ["ü"]])
canonical.write_png(folder / "a.png", numpy.arange(3000, dtype=numpy.uint8).reshape(20, 50, 3))
canonical.write_npz(folder / "a.npz", {name: numpy.ones(3) for name in names})
canonical.write_zip(folder / "a.zip", {name: b"1" for name in names})
"""


def test_bytes_do_not_depend_on_zone_locale_umask_folder_or_hash_seed(tmp_path):
    written = []
    for number, (zone, locale, umask, seed) in enumerate(
        [("UTC", "C.UTF-8", 0o022, "1"), ("Asia/Kathmandu", "C", 0o077, "2")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        subprocess.run(
            [sys.executable, "-c", PROGRAM, folder],
            env=os.environ | {"TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed},
            cwd=folder,
            umask=umask,
            check=True,
        )
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(written[0]) == 5
    assert written[0] == written[1]
