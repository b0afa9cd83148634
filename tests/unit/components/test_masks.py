import io

import data_drawn as drawn
import numpy as np
import pytest
from PIL import Image

from components.segmentation import masks
from ibid.stage.contract import BadInputError


def test_channels_are_exclusive_and_in_the_order_of_the_classes():
    trimap = drawn.trimap()
    channels = masks.to_channels(trimap)
    assert (channels.sum(axis=-1) == 1).all()
    assert masks.CLASSES == ("pet", "background", "border")
    for channel, value in enumerate((1, 2, 3)):
        assert ((channels[..., channel] == 1) == (trimap == value)).all()


def test_resizing_makes_no_new_value():
    assert set(np.unique(masks.resize(drawn.trimap(41, 29), 64))) == {1, 2, 3}


def test_a_grey_mask_can_stay_as_it_is_and_one_with_a_palette_cannot():
    indexed = Image.new("P", (40, 30))
    indexed.putdata(drawn.trimap().ravel().tolist())
    indexed.putpalette([value for grey in range(256) for value in (grey, 0, 255 - grey)])
    buffer = io.BytesIO()
    indexed.save(buffer, format="PNG")
    mask = masks.read(buffer)
    assert not mask.plain
    assert np.array_equal(mask.trimap, drawn.trimap())
    assert masks.read(io.BytesIO(drawn.png())).plain


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"junk", "none of PNG"),
        (drawn.png()[:60], "decoded"),
        (drawn.png(np.zeros((4, 4), np.uint8)), "Received: 0"),
        (drawn.png(drawn.pixels()), "RGB"),
    ],
    ids=["junk", "cut", "zeros", "colour"],
)
def test_what_is_no_trimap_is_bad_input(data, why):
    with pytest.raises(BadInputError, match=why):
        masks.read(io.BytesIO(data))


def test_an_encoded_mask_reads_back():
    data = masks.encode(drawn.trimap())
    assert np.array_equal(masks.read(io.BytesIO(data)).trimap, drawn.trimap())
