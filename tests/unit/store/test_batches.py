"""Many threads, and never more than a batch of what is to be done."""

from ibid.store import batches


def test_results_come_in_order_and_what_waits_is_bounded():
    items = iter(range(3 * batches.SIZE))
    results = batches.each(lambda number: -number, items)
    assert next(results) == 0
    assert next(items) == batches.SIZE
    assert [*results] == [-n for n in range(1, 3 * batches.SIZE) if n != batches.SIZE]
