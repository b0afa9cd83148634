"""Where objects are written before they have a name, and what killed writers have left there.

Whoever writes shares a lock on the folder, from its first file to its end; the kernel drops it,
however the writer ends. Who gets the lock alone knows that every file there is a dead one's.
"""
# ruff: noqa: PTH108 - as in `objects`

import contextlib
import fcntl
import itertools
import os
import threading
import uuid
from pathlib import Path

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC


class IncomingFile:
    """A file that is being written; what fails says in which folder."""

    def __init__(self, folder: str, name: str) -> None:
        self.path, self._folder = f"{folder}/{name}", folder
        self._descriptor = os.open(self.path, _NEW, 0o444)

    def write(self, data: bytes) -> None:
        """Write bytes behind those that are there."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def __enter__(self) -> "IncomingFile":
        return self

    def __exit__(self, kind: object, error: object, _trace: object) -> None:
        """Close it, read-only; it is gone again if something failed, closing it among that."""
        try:
            os.close(self._descriptor)  # some file systems say only now that a write has failed
        except OSError as failed:
            self._drop(failed)
            raise
        if kind is not None:
            self._drop(error)

    def _drop(self, error: object) -> None:
        os.unlink(self.path)
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = error.filename or self._folder


class Incoming:
    """A folder of files that are being written, by any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, str(folder)
        self._process, self._numbers = uuid.uuid4().hex, itertools.count()
        self._descriptor: int | None = None
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def file(self) -> IncomingFile:
        """Open a new file, for a `with`."""
        self.descriptor()
        return IncomingFile(self._path, f"{self._process}-{next(self._numbers)}")

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
