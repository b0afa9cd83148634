from dataclasses import replace

import numpy as np
import pytest

from components.segmentation.batches import ahead, batches
from components.segmentation.dataset import Split
from components.segmentation.recipe import Recipe
from ibid.stage.contract import BadInputError

PIXELS = np.arange(10, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
SPLIT = Split(tuple("abcdefghij"), PIXELS, PIXELS, ({},) * 10)
RECIPE = Recipe(1, 4, 0.1, False, 2, 0.5, 5)


def order(recipe=RECIPE, epoch=1):
    return [photos[:, 0, 0, 0].tolist() for photos, _ in batches(SPLIT, recipe, epoch)]


def test_an_epoch_has_full_batches_only_and_each_photo_once():
    cut = order()
    assert [len(batch) for batch in cut] == [4, 4]
    assert len({photo for batch in cut for photo in batch}) == 8


def test_the_order_is_a_function_of_seed_and_epoch():
    assert order() == order()
    assert order() != order(epoch=2)
    assert order() != order(replace(RECIPE, seed=2))


def test_what_one_epoch_leaves_out_another_has():
    assert {photo for epoch in range(9) for batch in order(epoch=epoch) for photo in batch} == set(
        range(10)
    )


def test_photos_keep_their_masks():
    for photos, masks in batches(SPLIT, RECIPE, 1):
        assert (photos == masks).all()


def test_a_batch_larger_than_the_split_is_refused():
    with pytest.raises(BadInputError, match="no larger") as refused:
        order(replace(RECIPE, batch_size=11))
    assert refused.value.received == "batch_size 11, 10 photos"


def softened(epoch=1, **changes):
    """Batches of ten photos of one pixel each, half of them of a pet."""
    masks = np.eye(3, dtype=np.uint8)[np.arange(10) % 2][:, None, None]
    split = replace(SPLIT, photos=PIXELS * np.uint8(25), masks=masks)
    return list(batches(split, replace(RECIPE, **changes), epoch))


def test_without_mixup_and_smoothing_a_batch_is_the_split_itself():
    for photos, masks in softened():
        assert (photos.dtype, masks.dtype) == (np.uint8, np.uint8)
        assert set(np.unique(masks)) == {0, 1}
        assert not (photos % 25).any()


def test_smoothing_changes_masks_and_no_photo():
    for (photos, masks), (plain, hard) in zip(
        softened(label_smoothing=0.3), softened(), strict=True
    ):
        assert (photos == plain).all()
        assert masks == pytest.approx(hard * 0.7 + 0.1)


def test_mixing_is_a_function_of_seed_epoch_and_step():
    def told(made):
        return [(photos.tolist(), masks.tolist()) for photos, masks in made]

    first = told(softened(mixup_alpha=1.0))
    softened(mixup_alpha=1.0, epoch=7)
    np.random.seed(5)
    assert told(softened(mixup_alpha=1.0)) == first
    assert told(softened(mixup_alpha=1.0, seed=2)) != first
    assert told(softened(mixup_alpha=1.0, epoch=2)) != first


def test_each_step_is_mixed_by_a_share_of_its_own():
    def shares(epoch):
        return {masks.flat[0] for _, masks in softened(epoch, mixup_alpha=8.0)}

    assert any(len(shares(epoch) | {0, 1}) == 4 for epoch in range(1, 5))


def test_mixing_needs_two_photos():
    with pytest.raises(BadInputError, match="at least 2 photos") as refused:
        softened(mixup_alpha=0.2, batch_size=1)
    assert refused.value.received == "batch_size 1, mixup_alpha 0.2"


def test_items_made_ahead_keep_their_order():
    assert list(ahead(iter(range(1, 6)))) == [1, 2, 3, 4, 5]


def test_a_failure_ahead_is_raised_where_its_item_is_due():
    def items():
        yield 1
        raise BadInputError("no more")

    made = ahead(items())
    assert next(made) == 1
    with pytest.raises(BadInputError, match="no more"):
        next(made)
