"""The processor cores, lent to workers by what their spec requests."""

import contextlib
import os
import threading
from collections.abc import Iterator


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))


class Slots:
    """A count of cores that threads wait for."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._change = threading.Condition()

    @contextlib.contextmanager
    def lend(self, cpu: float) -> Iterator[None]:
        """Wait for cores; a request beyond what there is gets all there is."""
        wanted = min(self.total, max(1, round(cpu)))
        with self._change:
            self._change.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._change:
                self._free += wanted
                self._change.notify_all()
