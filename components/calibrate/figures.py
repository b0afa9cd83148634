"""The reliability diagram: what the model says against how often it is true."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.calibrate.reliability import Reliability
from components.segmentation import figures

RARE = 0.001  # of the pixels: a bin with fewer is drawn hollow, because chance is in it


def reliability(title: str, measured: Mapping[str, Reliability]) -> bytes:
    """Draw one panel a channel: the curve, below it the share of pixels in each bin.

    Returns a PNG.
    """

    def paint(figure: Any) -> None:
        figure.suptitle(title, fontsize=12)
        panels = figure.subplots(
            2, len(measured), sharex=True, sharey="row", squeeze=False, height_ratios=(4, 1)
        )
        for column, (name, curve), colour in zip(
            panels.T, measured.items(), figures.COLOURS, strict=True
        ):
            _curve(column[0], curve, colour)
            column[0].set_title(
                f"{name}: ECE {curve.ece:.3f}, Brier {curve.brier:.3f}", fontsize=10
            )
            _histogram(column[1], curve, colour)
        panels[0, 0].set_ylabel("how often it is true")
        panels[1, 0].set_ylabel("share")

    return figures.draw(9.6, 4.4, paint)


def _curve(axes: Any, curve: Reliability, colour: str) -> None:
    share = curve.pixels / curve.pixels.sum()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    for bins, style in ((share >= RARE, "o-"), ((share > 0) & (share < RARE), "o")):
        fill = colour if style == "o-" else "none"
        axes.plot(curve.said[bins], curve.true[bins], style, color=colour, mfc=fill, markersize=4)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.grid(color="#e5e5e5", linewidth=0.5)


def _histogram(axes: Any, curve: Reliability, colour: str) -> None:
    bins = len(curve.pixels)
    middles = (np.arange(bins) + 0.5) / bins
    axes.bar(middles, curve.pixels / curve.pixels.sum(), width=0.9 / bins, color=colour)
    axes.set_xlabel("what the model says")
