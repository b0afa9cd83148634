"""Where objects are written before they have a name, and what killed writers have left there.

Whoever writes shares a lock on the folder, from its first file to its end; the kernel drops it,
however the writer ends. Who gets the lock alone knows that every file there is a dead one's.
"""

import contextlib
import fcntl
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from ibid.store.disk import named


class IncomingFile:
    """A file that is being written; what fails says where."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)

    def write(self, data: bytes) -> None:
        """Write bytes behind those that are there."""
        rest = memoryview(data)
        with named(self.path.parent):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def close(self) -> None:
        """Close it; some file systems say only now that a write has failed."""
        with named(self.path.parent):
            os.close(self._descriptor)


class Incoming:
    """A folder of files that are being written, by any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def file(self) -> Iterator[IncomingFile]:
        """Open a new file, read-only once it is closed; it is gone again if the block fails."""
        self.descriptor()
        file = IncomingFile(self._folder / uuid.uuid4().hex)
        try:
            with contextlib.closing(file):
                yield file
        except BaseException:
            file.path.unlink()
            raise

    def descriptor(self) -> int:
        """Return the open folder: open since before the first file was written.

        A sync through it is told of every write that has failed since then, even if another
        process was told first.
        """
        with self._lock:
            if self._descriptor is None:
                self._descriptor = self._enter()
            return self._descriptor

    def files(self) -> list[Path]:
        """List what is there."""
        return sorted(self._folder.iterdir())

    def close(self) -> None:
        """Let go of the folder."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _enter(self) -> int:
        """Open the folder and share its lock; who finds nobody there removes what is left."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for path in self._folder.iterdir():
                    path.unlink()
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
