import numpy as np
import pytest
import tiny_pets
from PIL import Image

from components.segmentation import dataset
from ibid.stage.contract import BadInputError


@pytest.fixture
def folder(tmp_path):
    tiny_pets.write_split(tmp_path / "training", 3)
    return tmp_path / "training"


def test_a_split_is_decoded_in_the_order_of_its_ids(folder):
    (folder / "pet_1").rename(folder / "a_first")
    split = dataset.load(folder)
    assert split.ids == ("a_first", "pet_0", "pet_2")
    assert len(split) == 3
    assert split.photos.shape == split.masks.shape == (3, 32, 32, 3)
    assert split.photos.dtype == split.masks.dtype == np.uint8
    assert set(np.unique(split.masks)) == {0, 1}
    assert (split.masks.sum(axis=-1) == 1).all()
    with Image.open(folder / "a_first" / "image.png") as picture:
        assert (split.photos[0] == np.asarray(picture)).all()


def test_an_empty_split_is_refused_with_the_counts_of_all(folder):
    with pytest.raises(BadInputError, match="validation") as refused:
        dataset.load(folder.parent / "validation")
    assert refused.value.received == "training 3, validation 0, calibration 0, test 0"


def test_a_file_that_is_no_picture_is_named(folder):
    (folder / "pet_1" / "mask.png").write_bytes(b"no picture")
    with pytest.raises(BadInputError, match=r"pet_1/mask\.png"):
        dataset.load(folder)


def test_pictures_of_several_sizes_are_refused(folder):
    Image.new("RGB", (16, 16)).save(folder / "pet_1" / "image.png")
    with pytest.raises(BadInputError, match="one size"):
        dataset.load(folder)


def test_the_mean_mask_is_the_share_of_pets_at_each_pixel(folder):
    split = dataset.load(folder)
    mean = dataset.mean_mask(split)
    assert mean.dtype == np.float32
    assert mean[0, 0].tolist() == [0, 1, 0]
    assert np.allclose(mean.sum(axis=-1), 1)
    assert mean[16, 12, 0] == np.float32(split.masks[:, 16, 12, 0].sum() / 3)
