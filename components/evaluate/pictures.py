"""Photos beside what the models make of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluate.results import Evaluation
from components.segmentation import figures
from components.segmentation.masks import CLASSES

COLUMNS = ("photo", "truth", "prediction", "calibrated", "thresholded")
SIZE = 1.4  # inches a picture


def rows(evaluation: Evaluation, photos: Sequence[int]) -> bytes:
    """Draw one row a photo, one column for each of COLUMNS; returns a PNG.

    `thresholded` is the calibrated probability above one half; where no class is, it is black.
    """

    def paint(figure: Any) -> None:
        panels = figure.subplots(len(photos), len(COLUMNS), squeeze=False)
        for row, photo in zip(panels, photos, strict=True):
            for axes, picture in zip(row, _pictures(evaluation, photo), strict=True):
                axes.imshow(picture, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
            row[0].set_ylabel(evaluation.split.ids[photo].replace("_", "\n"), fontsize=8)
        for axes, name in zip(panels[0], COLUMNS, strict=True):
            axes.set_title(name, fontsize=10)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=3, frameon=False)

    return figures.draw(SIZE * len(COLUMNS) + 0.4, SIZE * len(photos) + 0.7, paint)


def _pictures(evaluation: Evaluation, photo: int) -> tuple[NDArray[Any], ...]:
    calibrated = evaluation.probabilities["calibrated"][photo]
    return (
        evaluation.split.photos[photo],
        _coloured(evaluation.split.masks[photo]),
        _coloured(evaluation.probabilities["model"][photo]),
        _coloured(calibrated),
        _coloured(calibrated > 0.5),
    )


def _coloured(channels: NDArray[Any]) -> NDArray[np.uint8]:
    """Mix the classes' colours by their probabilities: (h, w, 3) to uint8 (h, w, 3)."""
    colours = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in figures.COLOURS]
    weights = channels / np.maximum(channels.sum(axis=-1, keepdims=True, dtype=np.float64), 1)
    mixed: NDArray[np.uint8] = np.rint(weights @ np.array(colours, np.float64)).astype(np.uint8)
    return mixed


def _legend() -> list[Any]:
    from matplotlib.patches import Patch

    return [
        Patch(color=colour, label=name)
        for name, colour in zip(CLASSES, figures.COLOURS, strict=True)
    ]
