"""The files of a gzip tarball, one after the other.

It is read as a stream and nothing of it is extracted, so what its headers say can do no harm here;
memory holds one file at a time.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from components.ingest.limits import Gauge, Limits
from components.ingest.member import Member, printable
from ibid.stage.contract import BadInputError

BLOCK = 1 << 16
GZIP = b"\x1f\x8b"
# What gzip and tarfile raise over bytes that are no tarball, or the beginning of one.
DAMAGED = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, LookupError)


def members(tarball: Path, limits: Limits) -> Iterator[Member]:
    """Go through the files of a tarball, in its order.

    Raises BadInputError if it is damaged anywhere, or holds more than the limits allow.
    """
    try:
        with gzip.open(tarball) as stream:
            gauge = Gauge(cast(IO[bytes], stream))
            with tarfile.open(fileobj=cast(IO[bytes], gauge), mode="r|") as archive:
                yield from _files(archive, gauge, limits)
                _refuse_rest(archive, gauge, limits)
    except DAMAGED as error:
        raise BadInputError(
            f"Expected a whole gzip tarball {tarball.name} in the upload.",
            received="a gzip within a gzip" if _is_packed_twice(tarball) else error,
            hint=f"`tar -tzf {tarball.name}` checks it; pack it again with `tar -czf`",
        ) from error


def _files(archive: tarfile.TarFile, gauge: Gauge, limits: Limits) -> Iterator[Member]:
    count = 0
    while (info := archive.next()) is not None:
        count += 1
        limits.check_count(count)
        limits.check_total(archive.offset)
        gauge.allow_file(archive.offset)
        if not info.isdir():
            yield _member(archive, info, limits)
        # tarfile would keep them all: of many headers, and long ones, that is much memory
        archive.members.clear()  # type: ignore[attr-defined]
        archive.pax_headers = {}


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo, limits: Limits) -> Member:
    part, name = (
        limits.part,
        printable(info.name.removeprefix("./").removeprefix(f"{limits.part}/")),
    )
    stream = archive.extractfile(info) if info.isreg() else None
    if stream is None:
        return Member(part, name, problem="Expected a file. Received: a link or a device")
    if info.issparse():  # a few bytes may declare any size, which no total of packed bytes shows
        return Member(part, name, problem="Expected a file packed whole. Received: a sparse one")
    if reason := limits.too_large(info.size):
        return Member(part, name, problem=reason)
    return Member(part, name, stream.read())


def _refuse_rest(archive: tarfile.TarFile, gauge: Gauge, limits: Limits) -> None:
    """Read to the end: tarfile takes a damaged header for the end, and gzip's sum comes last."""
    rest = archive.fileobj
    gauge.allow_all()
    while rest is not None and (block := rest.read(BLOCK)):
        limits.check_total(gauge.position)
        if block.count(0) != len(block):
            raise tarfile.ReadError("a damaged header, with files after it")


def _is_packed_twice(tarball: Path) -> bool:
    try:
        with gzip.open(tarball) as stream:
            return stream.read(len(GZIP)) == GZIP
    except DAMAGED:
        return False
