import csv
import io
import json

import numpy as np
import pytest
import tiny_pets
from PIL import Image

from components.calibrate import folds, reliability
from ibid.stage.contract import BadInputError, ExitCode

IDS = tuple(f"pet_{number}" for number in range(12))


def test_reliability_of_a_case_done_by_hand():
    said = np.array([0.1, 0.3, 0.5, 1.0], np.float32)
    measured = reliability.measure(np.array([0, 1, 1, 1], np.uint8), said, bins=2)
    assert measured.pixels.tolist() == [2, 2]
    np.testing.assert_allclose(measured.said, [0.2, 0.75])
    np.testing.assert_allclose(measured.true, [0.5, 1])
    assert measured.ece == pytest.approx((0.3 + 0.25) / 2)
    assert measured.brier == pytest.approx((0.01 + 0.49 + 0.25) / 4)


def test_folds_are_of_equal_size_and_do_not_depend_on_the_order_of_photos():
    parts = folds.assign(IDS, 5)
    assert sorted(np.bincount(parts)) == [2, 2, 2, 3, 3]
    backwards = folds.assign(IDS[::-1], 5)
    assert backwards[::-1].tolist() == parts.tolist()


@pytest.mark.parametrize("photos", [2, 3])
def test_fewer_photos_than_folds_leave_one_out(photos):
    assert sorted(folds.assign(IDS[:photos], 5)) == list(range(photos))


def test_a_photo_has_no_say_in_its_own_calibration():
    random = np.random.default_rng(0)
    said = random.random((12, 8, 8, 3), np.float32)
    truth = random.integers(0, 2, said.shape, np.uint8)
    before = folds.cross_fit(IDS, truth, said, 4)
    truth[3] = 1 - truth[3]
    after = folds.cross_fit(IDS, truth, said, 4)
    parts = folds.assign(IDS, 4)
    np.testing.assert_array_equal(after[parts == parts[3]], before[parts == parts[3]])
    assert (after != before).any()


def test_one_photo_is_not_enough():
    with pytest.raises(BadInputError, match="at least two photos"):
        folds.cross_fit(IDS[:1], np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)), 5)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    home = tmp_path_factory.mktemp("calibrate") / "world"
    tiny_pets.write_models(home / "model")
    tiny_pets.write_split(home / "transform" / "calibration", pets=3)
    return home


@pytest.fixture(scope="module")
def outputs(world, tmp_path_factory):
    return tiny_pets.start_twice("calibrate", world, tmp_path_factory.mktemp("runs"))


def test_two_runs_give_the_same_bytes(outputs):
    assert outputs[0] == outputs[1]


def test_output_is_what_evaluate_and_release_read(outputs):
    assert set(outputs[0]) == {
        "calibration.json",
        "calibration.npz",
        "reliability.csv",
        "reliability_after.png",
        "reliability_before.png",
    }


def test_errors_fall_for_every_class_of_an_untrained_model(outputs):
    summary = json.loads(outputs[0]["calibration.json"])
    assert summary["photos"] == summary["folds"] == 3
    assert set(summary["classes"]) == {"all", "pet", "background", "border"}
    for scores in summary["classes"].values():
        assert scores["after"]["ece"] < scores["before"]["ece"]
        assert scores["after"]["brier"] < scores["before"]["brier"]


def test_the_curve_counts_every_pixel(outputs):
    rows = list(csv.DictReader(io.StringIO(outputs[0]["reliability.csv"].decode())))
    assert len(rows) == 2 * 3 * 15
    for when in ("before", "after"):
        pixels = [int(row["pixels"]) for row in rows if row["when"] == when]
        assert sum(pixels) == 3 * 3 * tiny_pets.SIZE**2


def test_figures_open_and_say_nothing_of_who_drew_them(outputs):
    for name in ("reliability_before.png", "reliability_after.png"):
        with Image.open(io.BytesIO(outputs[0][name])) as figure:
            assert figure.size == (960, 440)
            assert not figure.info.keys() & {"Software", "Creation Time"}


def test_an_empty_split_is_bad_input(world, tmp_path):
    empty = tmp_path / "world"
    (empty / "transform" / "test" / "pet").mkdir(parents=True)
    (empty / "model").symlink_to(world / "model")
    done = tiny_pets.start("calibrate", empty, tmp_path / "out", tiny_pets.defaults("calibrate"))
    assert done.returncode == ExitCode.BAD_INPUT
    assert "calibration 0, test 1" in done.stderr
