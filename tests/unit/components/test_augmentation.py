import numpy as np
import pytest

from components.segmentation.augmentation import augment

RANDOM = np.random.default_rng(5)
MASK = np.eye(3, dtype=np.uint8)[RANDOM.integers(0, 3, (8, 8))].repeat(4, 0).repeat(4, 1)
PHOTO = MASK * np.uint8(255)


def seen(seed=1, pet="Abyssinian_1", epoch=1):
    return augment(PHOTO, MASK, seed=seed, pet=pet, epoch=epoch)


def test_shapes_and_types_stay():
    for before, after in zip((PHOTO, MASK), seen(), strict=True):
        assert (after.shape, after.dtype) == (before.shape, before.dtype)


def test_what_happens_is_a_function_of_seed_pet_and_epoch():
    first = seen()
    seen(pet="Bengal_2")
    assert all((a == b).all() for a, b in zip(first, seen(), strict=True))


@pytest.mark.parametrize("other", [{"seed": 2}, {"pet": "Bengal_2"}, {"epoch": 2}])
def test_another_seed_pet_or_epoch_is_seen_otherwise(other):
    assert (seen()[0] != seen(**other)[0]).any()


def test_the_mask_moves_with_its_photo_and_stays_exclusive():
    for epoch in range(1, 20):
        photo, mask = seen(epoch=epoch)
        assert ((photo > 127) == mask.astype(bool)).all()
        assert (mask.sum(axis=-1) == 1).all()


def test_the_originals_are_not_written_to():
    photo, mask = PHOTO.copy(), MASK.copy()
    seen()
    assert (photo == PHOTO).all()
    assert (mask == MASK).all()
