import csv
import io
import json
import re
import shutil

import nbformat
import numpy as np
import pytest
import tiny_pets
from PIL import Image

from components.evaluate import pictures, report, results
from components.evaluate.results import Evaluation
from components.segmentation import calibration
from components.segmentation.dataset import Split
from ibid.stage.contract import ExitCode


@pytest.fixture
def evaluation():
    """Six photos, each predicted a little worse than the one before it."""
    random = np.random.default_rng(0)
    truth = np.eye(3, dtype=np.uint8)[random.integers(0, 3, (6, 16, 16))]
    noise = np.linspace(0.1, 0.9, 6, dtype=np.float32)[:, None, None, None]
    said = (1 - noise) * truth + noise * random.random(truth.shape, np.float32)
    photos = random.integers(0, 255, truth.shape, np.uint8)
    split = Split(tuple(f"pet_{n}" for n in range(6)), photos, truth, ({},) * 6)
    return Evaluation(split, dict.fromkeys(results.MODELS, said), {})


def test_worst_photos_come_worst_first(evaluation):
    assert results.worst(evaluation, 3) == [5, 4, 3]


def test_shown_photos_are_spread_over_the_names(evaluation):
    assert results.spread(evaluation, 3) == [0, 2, 4]
    assert results.spread(evaluation, 7) == [0, 1, 2, 3, 4, 5]


def test_picture_of_rows_has_a_row_for_each_photo(evaluation):
    heights = [
        Image.open(io.BytesIO(pictures.rows(evaluation, photos))).height
        for photos in ([0], [0, 1], [0, 1, 2])
    ]
    assert np.diff(heights).tolist() == [140, 140]


def test_notebook_is_checked_in_without_outputs():
    notebook = nbformat.read(report.NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    home = tmp_path_factory.mktemp("evaluate") / "world"
    tiny_pets.write_models(home / "train", home / "model")
    tiny_pets.write_split(home / "transform" / "test", pets=4)
    (home / "calibrate").mkdir()
    random = np.random.default_rng(0)
    said = random.random((2, 8, 8, 3), np.float32)
    fitted = calibration.fit((random.random(said.shape) < said).astype(np.uint8), said)
    fitted.write(home / "calibrate" / "calibration.npz")
    scores = {when: {"ece": 0.1, "brier": 0.2} for when in ("before", "after")}
    summary = {"classes": dict.fromkeys(results.GROUPS, scores)}
    (home / "calibrate" / "calibration.json").write_text(json.dumps(summary))
    for when in ("before", "after"):
        Image.new("RGB", (8, 8)).save(home / "calibrate" / f"reliability_{when}.png")
    mean = np.full((tiny_pets.SIZE, tiny_pets.SIZE, 3), [0.2, 0.7, 0.1], np.float32)
    np.savez(home / "train" / "mean_mask.npz", mean=mean)
    return home


@pytest.fixture(scope="module")
def outputs(world, tmp_path_factory):
    return tiny_pets.start_twice("evaluate", world, tmp_path_factory.mktemp("runs"))


def test_two_runs_give_the_same_bytes(outputs):
    assert outputs[0] == outputs[1]


def test_every_number_is_in_the_table_and_in_the_nested_result(outputs):
    nested = json.loads(outputs[0]["evaluation_result.json"])
    rows = list(csv.DictReader(io.StringIO(outputs[0]["evaluation_result.csv"].decode())))
    assert nested["photos"] == 4
    assert set(nested["models"]) == set(results.MODELS)
    assert len(rows) == 4 * 4
    for row in rows:
        values = nested["models"][row.pop("model")][row.pop("class")]
        assert {metric: float(value) for metric, value in row.items()} == values


def test_the_constant_prediction_scores_what_it_must(outputs):
    models = json.loads(outputs[0]["evaluation_result.json"])["models"]
    ground = models["mean_mask"]["background"]
    assert ground["iou"] == ground["accuracy"] == ground["precision"]
    assert models["mean_mask"]["pet"]["iou"] == 0


def test_result_cites_the_files_that_made_it(outputs, world):
    cited = json.loads(outputs[0]["evaluation_result.json"])["inputs"]
    assert set(cited) == {"baseline", "calibration", "model"}
    assert cited["model"] != cited["baseline"]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in cited.values())


def test_page_opens_without_a_network(outputs):
    page = outputs[0]["report.html"].decode()
    assert "calibrated model" in page
    assert re.findall(r"(?:src|href)=\"(?!data:image/png;base64,)[^\"]*", page) == []
    assert "://" not in page
    assert "<script" not in page
    assert page.count("<img") == 4


def test_notebook_holds_its_outputs_and_nothing_of_the_run(outputs, world):
    text = outputs[0]["report.ipynb"].decode()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    words = re.sub(r"\"image/png\": \"[^\"]*\"", "", text)
    assert "mean IoU" in words
    assert not re.search(r"papermill|duration|stderr|/tmp|\"version\"|iopub", words)
    assert str(world.parent) not in words
    assert all(cell.metadata == {} for cell in notebook.cells)


def test_bad_input_found_in_the_kernel_is_bad_input(world, tmp_path):
    empty = tmp_path / "world"
    shutil.copytree(world, empty)
    shutil.rmtree(empty / "transform" / "test")
    done = tiny_pets.start("evaluate", empty, tmp_path / "out", tiny_pets.defaults("evaluate"))
    assert done.returncode == ExitCode.BAD_INPUT, done.stderr
    assert "Expected photos in the split test." in done.stderr
