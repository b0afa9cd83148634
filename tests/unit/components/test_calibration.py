import subprocess
import sys

import numpy as np
import pytest
import tiny_pets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import isotonic_regression

from components.segmentation import calibration
from components.segmentation.calibration import Calibration
from ibid.stage.contract import BadInputError

APPLY = """
import sys
import numpy
from pathlib import Path
from components.segmentation.calibration import Calibration
print(Calibration.read(Path(sys.argv[1])).apply(numpy.full((1, 3), 0.5, numpy.float32)).shape)
print("scipy" in sys.modules)
"""


def drawn(photos=4, size=16, seed=0):
    """Masks, and probabilities that are too sure of themselves."""
    random = np.random.default_rng(seed)
    honest = random.random((photos, size, size, 3))
    truth = (random.random(honest.shape) < honest).astype(np.uint8)
    return truth, (honest**3 / (honest**3 + (1 - honest) ** 3)).astype(np.float32)


def test_fit_is_the_exact_isotonic_regression_of_the_pooled_pixels():
    truth, said = drawn()
    calibrated = calibration.fit(truth, said).apply(said)
    for channel in range(3):
        values, place, count = np.unique(
            said[..., channel].ravel(), return_inverse=True, return_counts=True
        )
        share = np.bincount(place, truth[..., channel].ravel()) / count
        expected = isotonic_regression(share, weights=count).x[place]
        assert len(values) > 900
        np.testing.assert_array_equal(calibrated[..., channel].ravel(), expected.astype(np.float32))


def test_fit_keeps_few_knots():
    curve = calibration.fit(*drawn(photos=40)).curves[0]
    assert curve.said.size < 200  # of more than ten thousand pixels


def test_calibrating_makes_probabilities_honest():
    truth, said = drawn(photos=40)
    calibrated = calibration.fit(truth, said).apply(said)
    sure = calibrated > 0.9
    assert abs(truth[sure].mean() - calibrated[sure].mean()) < 0.01
    assert np.mean((calibrated - truth) ** 2) < np.mean((said - truth) ** 2)


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays(np.uint8, (2, 3, 3, 3), elements=st.integers(0, 1)),
    arrays.arrays(np.float32, (2, 3, 3, 3), elements=st.floats(0, 1, width=32)),
    arrays.arrays(np.float32, (60, 3), elements=st.floats(0, 1, width=32)),
)
def test_any_calibration_keeps_the_order_of_pixels_and_stays_a_probability(truth, said, others):
    calibrated = calibration.fit(truth, said).apply(np.sort(others, axis=0))
    assert calibrated.dtype == np.float32
    assert (np.diff(calibrated, axis=0) >= 0).all()
    assert calibrated.min() >= 0
    assert calibrated.max() <= 1


def test_a_class_that_never_occurs_gets_probability_zero():
    truth, said = drawn()
    truth[..., 2] = 0
    assert (calibration.fit(truth, said).apply(said)[..., 2] == 0).all()


def test_writing_and_reading_gives_the_same_bits(tmp_path):
    truth, said = drawn()
    fitted = calibration.fit(truth, said)
    fitted.write(tmp_path / "a.npz")
    again = Calibration.read(tmp_path / "a.npz")
    again.write(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.testing.assert_array_equal(again.apply(said), fitted.apply(said))


def test_applying_needs_no_scipy(tmp_path):
    calibration.fit(*drawn()).write(tmp_path / "calibration.npz")
    done = subprocess.run(
        [sys.executable, "-c", APPLY, str(tmp_path / "calibration.npz")],
        env=tiny_pets.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["(1, 3)", "False"]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    truth, said = drawn()
    said[0, 0, 0, 0] = wrong
    with pytest.raises(BadInputError, match="probabilities"):
        calibration.fit(truth, said)


EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04", EMPTY_ZIP])
def test_a_file_that_is_no_calibration_is_refused(tmp_path, content):
    path = tmp_path / "calibration.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"calibration\.npz"):
        Calibration.read(path)
