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
