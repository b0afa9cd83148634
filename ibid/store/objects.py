"""Bytes at an address: content-addressed objects in a folder. It does not know what a tree is.

A store of small files is made of calls to the system, and a Path for each would double what they
cost: so paths are plain strings here.
"""
# ruff: noqa: PTH104, PTH108, PTH116

import ctypes
import hashlib
import os
import stat
from collections.abc import Iterator
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import Protocol

from ibid.spec.preimage import Digest, digest_bytes, is_digest
from ibid.stage.contract import BadInputError, IbidError
from ibid.store.disk import named
from ibid.store.incoming import Incoming

CHUNK = 1 << 20


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return some bytes; none at the end."""


class MissingObjectError(IbidError):
    """A digest that the store cites and does not hold."""


class CorruptObjectError(MissingObjectError):
    """An object whose bytes are no longer those that its name stands for: those are missing."""


class Objects:
    """A folder of objects, each named by the SHA-256 of its bytes.

    An object is written to a temporary file and renamed, so that a name never stands for less than
    its whole content. `sync` makes all of them durable together; until then a commit must not cite
    them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._root = folder, str(folder)
        self._incoming = Incoming(folder / "incoming")

    def path(self, digest: Digest) -> Path:
        """Say where an object's bytes are. Readers copy; nobody may write there.

        Raises BadInputError for what is no digest: it may be a path that leads out of the store.
        """
        if not is_digest(digest):
            raise BadInputError("Expected a digest: 64 hex digits.", received=digest)
        return Path(self._place(digest))

    def __contains__(self, digest: object) -> bool:
        return self.path(Digest(str(digest))).exists()

    def put_bytes(self, data: bytes) -> Digest:
        """Store bytes; returns their digest."""
        digest = digest_bytes(data)
        if not self._holds(digest, len(data)):
            with self._incoming.file() as target:
                target.write(data)
            self._keep(target.path, digest)
        return digest

    def put_file(self, path: str) -> tuple[Digest, int]:
        """Store a copy of a file; returns its digest and its size in bytes.

        Raises BadInputError if a pipe has taken its place: that has no end to wait for.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as source:  # noqa: PTH123 - a descriptor
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise BadInputError("Expected files and folders.", received=f"{path}, a pipe or so")
            if found.st_size >= CHUNK:
                return self.put_stream(source)
            data = source.read()
        return self.put_bytes(data), len(data)

    def put_stream(self, source: Readable) -> tuple[Digest, int]:
        """Store what a stream holds, hashing while copying."""
        first, more = source.read(CHUNK), b""
        # A pipe may give less than it has: only an empty read is the end.
        if len(first) < CHUNK and not (more := source.read(CHUNK)):
            return self.put_bytes(first), len(first)
        hasher, size = hashlib.sha256(), 0
        with self._incoming.file() as target:
            for chunk in chain((first, more), iter(lambda: source.read(CHUNK), b"")):
                hasher.update(chunk)
                size += len(chunk)
                target.write(chunk)
        digest = Digest(hasher.hexdigest())
        if self._holds(digest, size):
            os.unlink(target.path)
        else:
            self._keep(target.path, digest)
        return digest, size

    def read(self, digest: Digest) -> bytes:
        """Return an object's bytes; raises MissingObjectError, CorruptObjectError."""
        with self._opened(digest) as source:
            data = source.read()
        _check(digest, digest_bytes(data))
        return data

    def copy(self, digest: Digest, target: Path) -> None:
        """Copy an object to a file of the caller's own; raises as `read`, once it has copied."""
        hasher = hashlib.sha256()
        with self._opened(digest) as source, target.open("wb") as copy:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                hasher.update(chunk)
                copy.write(chunk)
        _check(digest, hasher.hexdigest())

    def verify(self, digest: Digest) -> None:
        """Hash an object before it is handed on; raises as `read`."""
        with self._opened(digest) as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
        _check(digest, found)

    def all(self) -> Iterator[tuple[Digest, Path]]:
        """List every object: the digest that its name says, and where it is."""
        for folder in sorted(self.folder.iterdir()):
            if len(folder.name) == 2:
                for path in sorted(folder.iterdir()):
                    if is_digest(folder.name + path.name):
                        yield Digest(folder.name + path.name), path

    def incoming(self) -> list[Path]:
        """List the files that have no name yet: being written now, or left by who was killed."""
        return self._incoming.files()

    def hold(self) -> None:
        """Be the first to write: a sync then tells of every write that fails from here on."""
        self._incoming.descriptor()

    def sync(self) -> None:
        """Make every object written so far durable: one syncfs, not one fsync each."""
        with named(self.folder):
            syncfs(self._incoming.descriptor())

    def close(self) -> None:
        """Let go of what is held open."""
        self._incoming.close()

    def _place(self, digest: Digest) -> str:
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    def _holds(self, digest: Digest, size: int) -> bool:
        """Tell whether an object is there in full: a power cut may have left its name alone."""
        try:
            return os.stat(self._place(digest)).st_size == size
        except FileNotFoundError:
            return False

    def _opened(self, digest: Digest) -> FileIO:
        try:
            return self.path(digest).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise MissingObjectError(
                "Expected the store to hold an object that it cites.",
                received=digest,
                hint="ibid doctor",
            ) from error

    def _keep(self, temporary: str, digest: Digest) -> None:
        """Give a file its name; one that cannot have it is removed."""
        final = self._place(digest)
        try:
            try:
                os.rename(temporary, final)
            except FileNotFoundError:
                Path(final).parent.mkdir(exist_ok=True)
                os.rename(temporary, final)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _check(digest: Digest, found: str) -> None:
    if found != digest:
        raise CorruptObjectError(
            f"Expected the bytes of object {digest}.",
            received=f"bytes of SHA-256 {found}: the disk or somebody has changed them",
            hint="ibid doctor",
        )


def syncfs(descriptor: int) -> None:
    """Make all that was written to the file system of an open file durable."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):  # not Linux
        os.sync()
    elif libc.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
