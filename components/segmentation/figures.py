"""Figures whose bytes depend on what is drawn and on matplotlib's version, on nothing else.

No settings of the user, no font cache left behind, no time or version in the file, no deflate.
It must not know what is in a figure.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from components.segmentation import scratch

# Okabe and Ito's colours, which colour-blind readers can tell apart: pet, background, border.
COLOURS = ("#D55E00", "#0072B2", "#009E73")
DPI = 100


def draw(width: float, height: float, paint: Callable[[Any], None]) -> bytes:
    """Draw a figure.

    Args:
        width: in inches of 100 pixels, as is `height`.
        height: see `width`.
        paint: fills the empty `matplotlib.figure.Figure` that it is given.

    Returns:
        A PNG without compression, of 256 colours, so that it is a third as large.
    """
    with scratch.homes():  # matplotlib writes a cache of fonts when imported
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        paint(figure)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return _png(np.asarray(canvas.buffer_rgba())[..., :3])


def _png(pixels: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(pixels)
    palette = picture.quantize(256)
    # Quantised to a palette at hand, Pillow dithers, which photos need; charts have fewer colours.
    picture.quantize(palette=palette).save(stream, format="PNG", compress_level=0)
    return stream.getvalue()
