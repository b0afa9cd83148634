"""One archive into a folder: what is there already counts, and only pinned bytes get their name.

What has come stands in `NAME.part`, so that a transfer that ended goes on where it was, in this
call or in a later one. Proxies are those of the environment (`https_proxy`, `no_proxy`).
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from io import FileIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from components.oxford import refusal
from components.oxford.archive import BLOCK, Archive, sha256_of
from ibid.stage.contract import BadInputError, TemporaryError, UsageError

PART = ".part"
TRIES = 4  # in a row that bring nothing
TIMEOUT_SECONDS = 60.0
PAUSE_SECONDS = 2.0

Watch = Callable[[int], None]


def fetch(
    archive: Archive, source: str, folder: Path, watch: Watch, *, pause: float = PAUSE_SECONDS
) -> bool:
    """Bring an archive into a folder, unless it is there; returns whether it was not.

    Args:
        archive: what is wanted.
        source: the URL, http or https, that holds it by its name.
        folder: where to.
        watch: is told how many bytes are there.
        pause: seconds between two tries.

    Raises:
        TemporaryError: for no network, no room, no answer; the same call later goes on.
        BadInputError: if what is there, or at the source, is not the pinned file.
        UsageError: for another kind of URL, or one that cannot be parsed.
    """
    _expect_url(source)
    target, url = folder / archive.name, f"{source.rstrip('/')}/{archive.name}"
    if target.exists():
        _expect_pinned(archive, target)
        return False
    folder.mkdir(parents=True, exist_ok=True)
    with _part(target) as part:
        _receive(archive, url, part, watch, pause)
        digest = sha256_of(Path(str(part.name)))
        if digest != archive.sha256:
            part.truncate(0)
            raise refusal.of_bytes(archive, url, digest)
        os.fsync(part.fileno())
        Path(str(part.name)).replace(target)
    return True


def missing(archive: Archive, folder: Path) -> int:
    """Count the bytes that have yet to come."""
    target = folder / archive.name
    part = target.with_name(archive.name + PART)
    there = archive.size if target.exists() else part.stat().st_size if part.exists() else 0
    return max(0, archive.size - there)


def expect_room(needed: int, folder: Path) -> None:
    """Refuse to begin what the disk cannot hold; raises TemporaryError."""
    home = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(home).free
    if free < needed:
        raise refusal.of_room(folder, needed, f"{free} bytes free")


def _expect_url(source: str) -> None:
    """Refuse what nobody could be asked by; of the same URL every try would fail."""
    if not source.startswith(("http://", "https://")):
        raise UsageError("Expected a URL with http or https.", received=source)
    try:
        source.encode("ascii")
        parts = urlsplit(source)
        host = (parts.hostname or "").encode("idna")
        whole = host and parts.port != 0 and source.isprintable() and " " not in source
    except ValueError as error:
        raise _no_url(source) from error
    if not whole:
        raise _no_url(source)


def _no_url(source: str) -> UsageError:
    return UsageError(
        "Expected a URL as http://HOST:PORT/FOLDER, other letters than ASCII's and spaces as %XX.",
        received=source,
        hint="ibid fetch oxford DIR --from URL",
    )


@contextmanager
def _part(target: Path) -> Iterator[FileIO]:
    """Open what has come so far, for one process at a time."""
    with target.with_name(target.name + PART).open("ab", buffering=0) as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TemporaryError(
                f"Expected to be alone at {target}.", received="another download is at work"
            ) from error
        yield part


def _receive(archive: Archive, url: str, part: FileIO, watch: Watch, pause: float) -> None:
    """Ask until all is there; a try that brought something does not count."""
    tries = 0
    while (before := _size(part)) != archive.size:
        try:
            _ask(archive, url, part, watch)
            error: OSError = ConnectionError(
                f"it ended after {_size(part)} of {archive.size} bytes"
            )
        except HTTPException as broken:
            error = ConnectionError(f"{type(broken).__name__}: {broken}")
        except OSError as failed:
            error = failed
        if _size(part) == archive.size:
            return
        tries = 0 if _size(part) > before else tries + 1
        if tries >= TRIES or not refusal.passing(error):
            raise refusal.of_transfer(error, url, Path(str(part.name)).parent) from error
        time.sleep(pause)


def _ask(archive: Archive, url: str, part: FileIO, watch: Watch) -> None:
    """Ask once for what is missing, and append what comes."""
    if _size(part) > archive.size:
        part.truncate(0)
    there = _size(part)
    request = Request(url, headers={"User-Agent": "ibid", "Range": f"bytes={there}-"})  # noqa: S310 - fetch has looked at the scheme
    try:
        with build_opener().open(request, timeout=TIMEOUT_SECONDS) as response:
            _expect_rest(archive, url, part, response)
            _append(archive, url, part, response, watch)
    except HTTPError as error:
        error.close()  # it holds the connection
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        raise refusal.of_size(archive, url, there) from error


def _expect_rest(archive: Archive, url: str, part: FileIO, response: HTTPResponse) -> None:
    """Refuse what is not the rest of the archive; of one who sends all of it, begin anew."""
    there = _size(part) if response.status == HTTPStatus.PARTIAL_CONTENT else 0
    length = response.length  # None where it is not told, or is no number
    if length is not None and there + length != archive.size:
        raise refusal.of_size(archive, url, there + length)
    told = response.headers.get("Content-Range", "")
    if there and not told.startswith(f"bytes {there}-"):
        raise refusal.of_range(url, there, told, str(part.name))
    if _size(part) > there:
        part.truncate(there)


def _append(archive: Archive, url: str, part: FileIO, response: HTTPResponse, watch: Watch) -> None:
    there = _size(part)
    while block := response.read(BLOCK):
        if there + len(block) > archive.size:
            raise refusal.of_size(archive, url, there + len(block))
        _write(archive, part, memoryview(block))
        there += len(block)
        watch(there)


def _write(archive: Archive, part: FileIO, block: memoryview) -> None:
    try:
        while block:
            block = block[part.write(block) :]
    except OSError as error:
        needed = archive.size - _size(part)
        raise refusal.of_room(Path(str(part.name)).parent, needed, error) from error


def _size(part: FileIO) -> int:
    return os.fstat(part.fileno()).st_size


def _expect_pinned(archive: Archive, target: Path) -> None:
    digest = sha256_of(target)
    if digest != archive.sha256:
        raise BadInputError(
            f"Expected in {target} the archive with the sha256 {archive.sha256}.",
            received=digest,
            hint=f"remove {target} and run the same command again; "
            "of your own photos: make run DATA=./FOLDER",
        )
