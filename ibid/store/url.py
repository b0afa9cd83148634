"""Bytes at a URL: any that fsspec knows.

What is written is there whole or not at all. It must not know what an object or a commit is.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

from ibid.stage.contract import IbidError, TemporaryError, UsageError
from ibid.store.objects import syncfs


class Url:
    """A folder at a URL; paths are below it. The credentials are those that fsspec finds for it."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = _open(url)
        self._local = "file" in _protocols(self._fs)

    def read(self, path: str) -> bytes:
        """Return what a file holds."""
        with self._reaching():
            data: bytes = self._fs.cat_file(f"{self._root}/{path}")
        return data

    @contextmanager
    def reading(self, path: str) -> Iterator["Stream"]:
        """Open a file to be read; raises FileNotFoundError if there is none."""
        with self._reaching():
            stream = self._fs.open(f"{self._root}/{path}", "rb")
        with stream:
            yield Stream(stream, self._reaching)

    def send(self, file: str, path: str) -> None:
        """Write a file with what a file of this machine holds."""
        with self._placed(path) as target:
            self._fs.put_file(file, target)

    def write(self, path: str, data: bytes) -> None:
        """Write a file."""
        with self._placed(path) as target:
            self._fs.pipe_file(target, data)

    def settle(self) -> None:
        """Make what was sent durable before more is said of it; a server does so by itself."""
        if self._local and os.path.isdir(self._root):  # noqa: PTH112 - a string, as fsspec's
            descriptor = os.open(self._root, os.O_RDONLY)
            try:
                syncfs(descriptor)
            finally:
                os.close(descriptor)

    def sizes(self, folder: str) -> dict[str, int]:
        """Say how many bytes the files below a folder have; their paths end as they do there."""
        self._fs.invalidate_cache()
        try:
            with self._reaching():
                found: dict[str, Any] = self._fs.find(f"{self._root}/{folder}", detail=True)
        except FileNotFoundError:  # nothing was pushed yet
            return {}
        return {path: facts["size"] for path, facts in found.items()}

    @contextmanager
    def _placed(self, path: str) -> Iterator[str]:
        """Give the path to write to. An object store shows whole files only, a folder any part."""
        with self._reaching():
            if not self._local:
                yield f"{self._root}/{path}"
                return
            half = f"{self._root}/incoming/{uuid4().hex}"
            yield half
            target = f"{self._root}/{path}"
            self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._fs.mv(half, target)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn what libraries raise when a remote cannot be reached into an error that says so.

        Around what they do alone: a full disk here is none of theirs, nor is a bug of ours.
        """
        try:
            yield
        except (IbidError, FileNotFoundError):
            raise
        except Exception as error:  # a border: each kind of remote raises errors of its own
            if self._local and isinstance(error, OSError):  # a disk, which `explain` knows of
                raise
            raise TemporaryError(
                "Expected to reach the remote.",
                received=f"{type(error).__name__}: {error}",
                hint="what was sent is kept: the same command goes on from there",
            ) from error


class Stream:
    """What is read from a remote."""

    def __init__(self, stream: Any, reaching: Callable[[], AbstractContextManager[None]]) -> None:
        self._stream, self._reaching = stream, reaching

    def read(self, size: int) -> bytes:
        """Return some bytes; none at the end."""
        with self._reaching():
            data: bytes = self._stream.read(size)
        return data


def _open(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise _not_installed(error) from error
    local = url.startswith("file:") or "://" not in url
    options: dict[str, Any] = {"auto_mkdir": True} if local else {}
    try:
        fs, root = url_to_fs(url, skip_instance_cache=True, **options)
    except ImportError as error:
        raise _not_installed(error) from error
    except ValueError as error:
        raise UsageError("Expected the URL of a remote, such as s3://BUCKET/FOLDER.",
                         received=error) from error  # fmt: skip
    return fs, root.rstrip("/")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _not_installed(error: ImportError) -> UsageError:
    return UsageError(
        "Expected the packages that reach remotes to be installed.",
        received=error,
        hint="make setup-remote",
    )
