"""Predictions of every model on the same photos, made once, and their scores.

This is what the notebook calls; it must not know how anything is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.segmentation import dataset, inference, metrics
from components.segmentation.calibration import Calibration
from components.segmentation.dataset import Split
from components.segmentation.digest import sha256
from components.segmentation.masks import CLASSES
from components.segmentation.metrics import METRICS
from ibid.stage import canonical
from ibid.stage.contract import BadInputError

MODELS = ("mean_mask", "baseline", "model", "calibrated")
GROUPS = ("all", *CLASSES)

Floats = NDArray[np.float32]
Scores = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The test photos and what each model says of them.

    Attributes:
        split: n photos with their masks.
        probabilities: by name of MODELS, float32 (n, size, size, 3).
        inputs: SHA-256 of the files that the predictions were made with.
    """

    split: Split
    probabilities: Mapping[str, Floats]
    inputs: Mapping[str, str]


def predict(folder: Path) -> Evaluation:
    """Predict the test photos with every model.

    Args:
        folder: holds the inputs of the stage: `transform`, `train`, `model`, `calibrate`.

    Raises:
        BadInputError: there are no test photos, or a file is missing or cannot be used.
    """
    files = {
        "baseline": folder / "train" / "model.keras",
        "calibration": folder / "calibrate" / "calibration.npz",
        "model": folder / "model" / "model.keras",
    }
    inputs = {name: sha256(path) for name, path in files.items()}
    split = dataset.load(folder / "transform" / "test")
    model = inference.infer(inference.load_model(files["model"]), split.photos)
    probabilities = {
        "mean_mask": _constant(folder / "train" / "mean_mask.npz", split),
        "baseline": inference.infer(inference.load_model(files["baseline"]), split.photos),
        "model": model,
        "calibrated": Calibration.read(files["calibration"]).apply(model),
    }
    return Evaluation(split, probabilities, inputs)


def _constant(path: Path, split: Split) -> Floats:
    sha256(path)
    with np.load(path, allow_pickle=False) as arrays:
        mean = arrays["mean"]
    if mean.shape != split.masks.shape[1:]:
        raise BadInputError(
            "Expected a mean mask of the test photos' size.",
            received=f"{mean.shape} for masks of {split.masks.shape[1:]}",
        )
    return np.broadcast_to(mean, split.masks.shape)


def score(evaluation: Evaluation) -> dict[str, dict[str, dict[str, float]]]:
    """Score every model: `[model][group][metric]`, names as in MODELS, GROUPS and METRICS."""
    truth = evaluation.split.masks
    return {
        model: {
            "all": metrics.score(truth, evaluation.probabilities[model]),
            **metrics.score_by_class(truth, evaluation.probabilities[model]),
        }
        for model in MODELS
    }


def write(evaluation: Evaluation, scores: Scores, output: Path) -> None:
    """Write `evaluation_result.json`, and `evaluation_result.csv` with a line a model and class."""
    canonical.write_json(
        output / "evaluation_result.json",
        {
            "version": 1,
            "photos": len(evaluation.split),
            "size": evaluation.split.size,
            "models": scores,
            "inputs": evaluation.inputs,
        },
    )
    rows = (
        (model, group, *(scores[model][group][metric] for metric in METRICS))
        for group in GROUPS
        for model in MODELS
    )
    canonical.write_csv(output / "evaluation_result.csv", ("model", "class", *METRICS), rows)


def spread(evaluation: Evaluation, number: int) -> list[int]:
    """Choose photos evenly from the sorted ids, so that many breeds are among them."""
    photos = len(evaluation.split)
    return sorted({i * photos // number for i in range(number)})


def worst(evaluation: Evaluation, number: int) -> list[int]:
    """Choose the photos whose calibrated prediction has the lowest mean IoU, worst first."""
    truth, said = evaluation.split.masks, evaluation.probabilities["calibrated"]
    values = [
        metrics.score(truth[i : i + 1], said[i : i + 1])["mean_iou"] for i in range(len(truth))
    ]
    return sorted(range(len(values)), key=lambda i: (values[i], i))[:number]
