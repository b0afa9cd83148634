"""Who may touch the objects: all that write, together, or one that removes, alone.

What is written is cited only later, by a commit or a result. A writer holds the lock for as long
as that takes, so that nothing is swept in between. The kernel drops a lock with its holder.
"""

import contextlib
import fcntl
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

Say = Callable[[str], None]
LOG: Say = logging.getLogger(__name__).warning
PATIENCE = 0.3  # seconds for which nobody is told that they wait
POLL_SECONDS = 0.02


class StoreLock:
    """The lock of one home; what one process holds, its threads hold together."""

    def __init__(self, home: Path, say: Say = LOG) -> None:
        self.path = home / "store.lock"
        # Who wants the lock queues here, so that writers who follow one another let a gc in.
        self._queue = home / "store.queue"
        self._say = say
        self._mutex = threading.Lock()
        self._held: TextIO | None = None
        self._count, self._alone = 0, False

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the right to write objects; waits, and says so, while somebody is alone."""
        with self._holding(alone=False):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to remove objects; waits, and says so, until nobody writes."""
        with self._holding(alone=True):
            yield

    @contextlib.contextmanager
    def alone_if_free(self) -> Iterator[bool]:
        """Be alone if nobody writes now; yields whether it is so."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextlib.contextmanager
    def _holding(self, *, alone: bool) -> Iterator[None]:
        with self._mutex:
            if self._count and alone and not self._alone:
                raise RuntimeError("this process writes objects, and so cannot remove any")
            if not self._count:
                self._held, self._alone = self._acquire(alone), alone
            self._count += 1
        try:
            yield
        finally:
            with self._mutex:
                self._count -= 1
                if not self._count and self._held is not None:
                    self._held.close()
                    self._held = None

    def _acquire(self, alone: bool) -> TextIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._queue.open("a+") as queue:
            self._take(queue, self._queue, fcntl.LOCK_EX)
            lock = self.path.open("a+")
            try:
                self._take(lock, self.path, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            except BaseException:
                lock.close()
                raise
        return lock

    def _take(self, file: TextIO, path: Path, kind: int) -> None:
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up:
                    break
                time.sleep(POLL_SECONDS)
            else:
                return
        self._say(f"Waiting for {' and '.join(holders(path)) or 'another process'} at the store.")
        fcntl.flock(file, kind)


def holders(path: Path) -> list[str]:
    """Name the processes that hold a lock file, as `process 4711 (ibid gc)`."""
    locks = Path("/proc/locks")
    if not locks.exists() or not path.exists():
        return []
    inode = path.stat().st_ino
    # `1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF`; one that waits has `->` after its number.
    lines = (line.split() for line in locks.read_text().splitlines())
    held = (line for line in lines if line[1] == "FLOCK" and line[5].endswith(f":{inode}"))
    return [_name(int(line[4])) for line in held]


def _name(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:  # it has ended meanwhile, or is somebody else's
        return f"process {pid}"
    own = [number for number, word in enumerate(words) if word.endswith(("ibid", "ibid.cli"))]
    command = words[own[0] + 1] if own and len(words) > own[0] + 1 else ""
    return f"process {pid} (ibid {command})" if command else f"process {pid}"
