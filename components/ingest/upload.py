"""The files of an upload, packed or not, one after the other.

A tarball is read as a stream and nothing of it is extracted, so what its members' names say
can do no harm here. It knows files, not photos.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ibid.stage.contract import BadInputError

BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an upload.

    Attributes:
        name: relative to `images/` or `annotations/`, made printable; may be anything.
        data: its bytes, empty where there is a problem.
        problem: why the bytes are not here: a link, too large; else None.
    """

    name: str
    data: bytes
    problem: str | None = None


def members(upload: Path, part: str, limit: int) -> Iterator[Member]:
    """Go through `PART.tar.gz` and the folder `PART` of an upload, whichever there are.

    Args:
        upload: the folder of the upload.
        part: `images` or `annotations`.
        limit: size in bytes beyond which a file is not read.

    Raises BadInputError if there is neither, or if the tarball is damaged.
    """
    tarball, folder = upload / f"{part}.tar.gz", upload / part
    if not tarball.is_file() and not folder.is_dir():
        raise BadInputError(
            f"Expected {part}.tar.gz or a folder {part} in the upload {upload.name}.",
            received=", ".join(sorted(entry.name for entry in upload.iterdir())) or "nothing",
            hint="ibid put stream FOLDER, with FOLDER in the layout of the Oxford-IIIT Pet Dataset",
        )
    if tarball.is_file():
        yield from _packed(tarball, part, limit)
    if folder.is_dir():
        yield from _unpacked(folder, limit)


def _packed(tarball: Path, part: str, limit: int) -> Iterator[Member]:
    try:
        with gzip.open(tarball) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if not info.isdir():
                    yield _member(archive, info, part, limit)
            _refuse_rest(archive)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadInputError(
            f"Expected a whole gzip tarball {tarball.name} in the upload {tarball.parent.name}.",
            received=error,
            hint=f"gzip -t {tarball.name} checks it; pack it again",
        ) from error


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo, part: str, limit: int) -> Member:
    name = _printable(info.name).removeprefix("./").removeprefix(f"{part}/")
    stream = archive.extractfile(info) if info.isreg() else None
    if stream is None:
        return Member(name, b"", "Expected a file. Received: a link or a device")
    if info.size > limit:
        return Member(name, b"", _too_large(info.size, limit))
    return Member(name, stream.read())


def _refuse_rest(archive: tarfile.TarFile) -> None:
    """Read to the end: tarfile takes a damaged header for the end, and gzip's sum comes last."""
    rest = archive.fileobj
    while rest is not None and (block := rest.read(BLOCK)):
        if block.count(0) != len(block):
            raise tarfile.ReadError("a damaged header, with files after it")


def _unpacked(folder: Path, limit: int) -> Iterator[Member]:
    for path in sorted(folder.rglob("*")):
        name = _printable(path.relative_to(folder).as_posix())
        if path.is_dir():
            continue
        if not path.is_file():
            yield Member(name, b"", "Expected a file. Received: a broken link or a device")
        elif path.stat().st_size > limit:
            yield Member(name, b"", _too_large(path.stat().st_size, limit))
        else:
            yield Member(name, path.read_bytes())


def _too_large(size: int, limit: int) -> str:
    return f"Expected at most {limit} bytes (`max_file_mb`). Received: {size}"


def _printable(name: str) -> str:
    """Show bytes that are not UTF-8 as escapes: JSON can hold no lone surrogate."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
