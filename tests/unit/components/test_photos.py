import io

import data_drawn as drawn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from components.segmentation import photos
from ibid.stage.contract import BadInputError


def read(data: bytes) -> photos.Photo:
    return photos.read(io.BytesIO(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_a_viewer_turns_it(orientation):
    data = drawn.jpeg(exif=drawn.exif(orientation))
    viewer = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    ours = photos.open_upright(io.BytesIO(data))
    assert np.array_equal(np.asarray(ours), np.asarray(viewer))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_with_its_photo(orientation):
    box = (11, 6, 20, 15)
    white = np.zeros((30, 40), np.uint8)
    white[5:15, 10:20] = 255
    turned = np.asarray(photos.turn(Image.fromarray(white), orientation))
    xmin, ymin, xmax, ymax = photos.turn_box(box, (40, 30), orientation)
    assert (turned[ymin - 1 : ymax, xmin - 1 : xmax] == 255).all()
    assert turned.sum() == 255 * (xmax - xmin + 1) * (ymax - ymin + 1)


def test_only_an_upright_rgb_jpeg_is_plain():
    assert read(drawn.jpeg()).plain
    assert read(drawn.jpeg(exif=drawn.exif(1))).plain
    assert not read(drawn.jpeg(exif=drawn.exif(6))).plain
    assert not read(drawn.jpeg(exif=drawn.exif(9))).plain
    assert not read(drawn.jpeg(drawn.pixels()[..., 0])).plain
    assert not read(drawn.encoded(drawn.pixels(), "PNG")).plain


def test_what_is_transparent_becomes_white():
    layers = np.zeros((8, 8, 4), np.uint8)
    layers[:4] = (10, 20, 30, 255)
    upright = np.asarray(read(drawn.encoded(layers, "PNG")).pixels)
    assert (upright[:4] == (10, 20, 30)).all()
    assert (upright[4:] == 255).all()


def test_damaged_exif_does_not_cost_the_photo():
    data = drawn.jpeg(exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    photo = read(data)
    assert (photo.orientation, photo.pixels.size) == (1, (40, 30))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"no photo at all",
        drawn.jpeg()[:300],
        drawn.encoded(drawn.pixels(), "PNG")[:90],
    ],
    ids=["empty", "gif-head", "text", "cut-jpeg", "cut-png"],
)
def test_bad_bytes_are_bad_input_and_tell_no_address(data):
    with pytest.raises(BadInputError) as caught:
        read(data)
    assert "0x" not in str(caught.value)


@given(
    kind=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"]),
    place=st.floats(0, 1, exclude_max=True),
    spoilt=st.binary(min_size=1, max_size=8),
)
def test_spoilt_bytes_give_a_photo_or_bad_input(kind, place, spoilt):
    data = drawn.encoded(drawn.pixels(), kind)
    at = int(place * len(data))
    try:
        photo = read(data[:at] + spoilt + data[at + len(spoilt) :])
    except BadInputError:
        return
    assert photo.pixels.mode == "RGB"


def test_sixteen_bits_a_channel_are_refused_by_name():
    with pytest.raises(BadInputError, match="I;16"):
        read(drawn.encoded(np.zeros((4, 4), np.uint16), "PNG"))


def test_a_photo_that_would_fill_the_memory_is_refused():
    with pytest.raises(BadInputError, match="at most 1199 pixels") as caught:
        photos.read(io.BytesIO(drawn.jpeg()), 40 * 30 - 1)
    assert caught.value.received == "40x30"
    assert photos.read(io.BytesIO(drawn.jpeg()), 40 * 30).plain


def test_brightness_is_the_luma_that_99_of_100_pixels_do_not_exceed():
    dark = np.full((10, 10, 3), 7, np.uint8)
    dark[0, 0] = 255
    assert photos.brightness(Image.fromarray(dark)) == 7
    dark[0, 1] = 255
    assert photos.brightness(Image.fromarray(dark)) == 255


def test_a_resized_pixel_is_the_mean_of_what_it_covers():
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 100
    assert (photos.resize(Image.fromarray(stripes), 4) == 50).all()


def test_an_encoded_photo_carries_nothing_but_pixels():
    photo = read(drawn.jpeg(exif=drawn.exif(6), comment=b"my address", icc_profile=b"profile"))
    encoded = Image.open(io.BytesIO(photos.encode(photo.pixels, 95)))
    assert encoded.size == (30, 40)
    assert set(encoded.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
