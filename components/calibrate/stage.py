"""Fit the calibration of a model on photos that it was not trained on, and measure its worth."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.calibrate import figures, folds, reliability
from components.calibrate.parameters import Parameters
from components.calibrate.reliability import Reliability
from components.segmentation import calibration, dataset, scratch
from components.segmentation.digest import sha256
from components.segmentation.masks import CLASSES
from ibid.stage import canonical, determinism
from ibid.stage.contract import Inputs, Params

Measured = Mapping[str, Reliability]

COLUMNS = ("when", "class", "bin", "lower", "upper", "pixels", "said", "true")


def run(inputs: Inputs, output: Path, params: Params) -> None:
    """Write the calibration fitted on all photos, and what cross-fitting says of it."""
    parameters = Parameters.of(params)
    model = inputs["model"] / "model.keras"
    cited = {"model": sha256(model)}
    split = dataset.load(inputs["transform"] / "calibration")
    with scratch.homes():  # keras and matplotlib, which it imports, write there when imported
        determinism.framework(params)
    from components.segmentation import inference  # after the door

    before = inference.infer(inference.load_model(model), split.photos)
    after = folds.cross_fit(split.ids, split.masks, before, parameters.folds)
    calibration.fit(split.masks, before).write(output / "calibration.npz")
    curves = {
        "before": measure(split.masks, before, parameters.bins),
        "after": measure(split.masks, after, parameters.bins),
    }
    write_curves(output, curves)
    result = {
        "version": 1,
        "photos": len(split),
        "folds": min(parameters.folds, len(split)),
        "bins": parameters.bins,
        "classes": summary(curves),
        "inputs": cited,
    }
    canonical.write_json(output / "calibration.json", result)


def write_curves(output: Path, curves: Mapping[str, Measured]) -> None:
    """Write `reliability.csv` and a figure before and after; print their one-line sum."""
    canonical.write_csv(output / "reliability.csv", COLUMNS, table(curves))
    for when, measured in curves.items():
        picture = figures.reliability(f"Reliability {when} calibration", measured)
        (output / f"reliability_{when}.png").write_bytes(picture)
        scores = _scores(measured)["all"]
        print(f"{when}: ece={scores['ece']:.4f} brier={scores['brier']:.4f}", flush=True)


def measure(truth: NDArray[np.uint8], probabilities: NDArray[np.float32], bins: int) -> Measured:
    """Measure each channel of masks and probabilities of shape (n, height, width, 3)."""
    return {
        name: reliability.measure(truth[..., i], probabilities[..., i], bins)
        for i, name in enumerate(CLASSES)
    }


def summary(curves: Mapping[str, Measured]) -> dict[str, Any]:
    """Say `ece` and `brier` of each class, and of `all` as their mean, before and after."""
    scores = {when: _scores(measured) for when, measured in curves.items()}
    return {name: {when: scores[when][name] for when in curves} for name in ("all", *CLASSES)}


def table(curves: Mapping[str, Measured]) -> Iterator[Sequence[Any]]:
    """List the rows of `reliability.csv`, one a bin, as COLUMNS names them."""
    for when, measured in curves.items():
        for name, curve in measured.items():
            bins = len(curve.pixels)
            for i in range(bins):
                pixels, said, true = (
                    part[i].item() for part in (curve.pixels, curve.said, curve.true)
                )
                yield when, name, i, i / bins, (i + 1) / bins, pixels, said, true


def _scores(measured: Measured) -> dict[str, dict[str, float]]:
    scores = {name: {"ece": curve.ece, "brier": curve.brier} for name, curve in measured.items()}
    means = {
        key: float(np.mean([scores[name][key] for name in CLASSES])) for key in ("ece", "brier")
    }
    return {"all": means, **scores}
