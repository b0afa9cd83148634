"""Bytes at an address: content-addressed objects in a folder. It does not know what a tree is."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO

from ibid.spec.preimage import Digest, digest_bytes
from ibid.stage.contract import IbidError

CHUNK = 1 << 20


class MissingObjectError(IbidError):
    """A digest that the store cites and does not hold."""


class Objects:
    """A folder of objects, each named by the SHA-256 of its bytes.

    An object is written to a temporary file and renamed, so that a name never stands for less than
    its whole content. `sync` makes all of them durable together; until then a commit must not cite
    them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, digest: Digest) -> Path:
        """Say where an object's bytes are. Readers copy; nobody may write there."""
        return self.folder / digest[:2] / digest[2:]

    def __contains__(self, digest: Digest) -> bool:
        return self.path(digest).exists()

    def put_bytes(self, data: bytes) -> Digest:
        """Store bytes; returns their digest."""
        digest = digest_bytes(data)
        if not self._holds(digest, len(data)):
            with self._incoming_file() as (path, target):
                target.write(data)
            self._keep(path, digest)
        return digest

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Store a copy of a file; returns its digest and its size in bytes."""
        with path.open("rb") as source:
            return self.put_stream(source)

    def put_stream(self, source: IO[bytes]) -> tuple[Digest, int]:
        """Store what a stream holds, hashing while copying."""
        first, more = source.read(CHUNK), b""
        # A pipe may give less than it has: only an empty read is the end.
        if len(first) < CHUNK and not (more := source.read(CHUNK)):
            return self.put_bytes(first), len(first)
        hasher, size = hashlib.sha256(), 0
        with self._incoming_file() as (path, target):
            for chunk in chain((first, more), iter(lambda: source.read(CHUNK), b"")):
                hasher.update(chunk)
                size += len(chunk)
                target.write(chunk)
        digest = Digest(hasher.hexdigest())
        if self._holds(digest, size):
            path.unlink()
        else:
            self._keep(path, digest)
        return digest, size

    def read(self, digest: Digest) -> bytes:
        """Return an object's bytes; raises MissingObjectError."""
        with self._present(digest) as path:
            return path.read_bytes()

    def copy(self, digest: Digest, target: Path) -> None:
        """Copy an object's bytes to a file of the caller's own; raises MissingObjectError."""
        with self._present(digest) as path:
            shutil.copyfile(path, target)

    def all(self) -> Iterator[tuple[Digest, Path]]:
        """List every object: the digest that its name says, and where it is."""
        for folder in sorted(self.folder.iterdir()):
            if len(folder.name) == 2:
                for path in sorted(folder.iterdir()):
                    yield Digest(folder.name + path.name), path

    def incoming(self) -> list[Path]:
        """List what is being written, or was left half written by a process that was killed."""
        return sorted(self._incoming.iterdir())

    def sync(self) -> None:
        """Make every object written so far durable: one syncfs, not one fsync each."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            _syncfs(descriptor)
        finally:
            os.close(descriptor)

    def _holds(self, digest: Digest, size: int) -> bool:
        """Tell whether an object is there in full: a power cut may have left its name alone."""
        path = self.path(digest)
        return path.exists() and path.stat().st_size == size

    @contextlib.contextmanager
    def _present(self, digest: Digest) -> Iterator[Path]:
        path = self.path(digest)
        try:
            yield path
        except FileNotFoundError as error:
            if path.exists():
                raise
            raise MissingObjectError(
                "Expected the store to hold an object that it cites.", received=digest
            ) from error

    @contextlib.contextmanager
    def _incoming_file(self) -> Iterator[tuple[Path, BinaryIO]]:
        """Open a new file, read-only once it is closed; it is gone again if the block fails."""
        path = self._incoming / uuid.uuid4().hex
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)
        try:
            with open(descriptor, "wb") as target:  # noqa: PTH123 - a descriptor
                yield path, target
        except BaseException:
            path.unlink()
            raise

    def _keep(self, temporary: Path, digest: Digest) -> None:
        final = self.path(digest)
        try:
            temporary.rename(final)
        except FileNotFoundError:
            final.parent.mkdir(exist_ok=True)
            temporary.rename(final)


def _syncfs(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):  # not Linux
        os.sync()
    elif libc.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "syncfs of the store")
