"""Work by several threads, a batch at a time: what waits to be done must not fill the memory."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

SIZE = 1000
S = TypeVar("S")
T = TypeVar("T")


def each(work: Callable[[S], T], items: Iterable[S], threads: int | None = None) -> Iterator[T]:
    """Do a piece of work for each item, in their order; the first that fails ends it.

    A whole iterable is turned into as many tasks at once by `Executor.map`.
    """
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        while batch := [*islice(rest, SIZE)]:
            yield from pool.map(work, batch)
