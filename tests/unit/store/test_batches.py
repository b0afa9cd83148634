"""Many threads, and never more than a batch of what is to be done."""

from ibid.store import batches


def test_results_come_in_order_and_what_waits_is_bounded():
    drawn = 0

    def items():
        nonlocal drawn
        for drawn in range(1, 3 * batches.SIZE + 1):
            yield drawn

    results = batches.each(lambda number: -number, items())
    assert next(results) == -1
    assert drawn == batches.SIZE
    assert [*results] == [-number for number in range(2, 3 * batches.SIZE + 1)]
