"""How much of an upload is read: seen to while reading, for what it says of itself may lie."""

import sys
from dataclasses import dataclass
from typing import IO

from components.ingest.parameters import MEGA, Parameters
from ibid.stage.contract import BadInputError

# What may lie between two files of a tarball: a header, and others that lend it a long name.
HEADERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of one part of an upload, in bytes and in files.

    Attributes:
        part: `images` or `annotations`.
        file: bytes of one file.
        total: bytes of all files and what lies between them, unpacked.
        count: files and folders.
    """

    part: str
    file: int
    total: int
    count: int

    @classmethod
    def of(cls, parameters: Parameters, part: str) -> "Limits":
        """Take a part's limits from the parameters."""
        total = parameters.max_images_mb if part == "images" else parameters.max_annotations_mb
        return cls(part, parameters.max_file_mb * MEGA, total * MEGA, parameters.max_files)

    def too_large(self, size: int) -> str | None:
        """Return the reason why a file is set aside unread; None if it is small enough."""
        if size <= self.file:
            return None
        return f"Expected at most {self.file} bytes (`max_file_mb`). Received: {size}"

    def check_total(self, total: int) -> None:
        """Raise BadInputError if there are, or are said to come, too many bytes."""
        if total > self.total:
            raise BadInputError(
                f"Expected at most {self.total} bytes of {self.part} in an upload, unpacked.",
                received=f"{total} or more",
                hint=f"split the upload, or raise ingest.max_{self.part}_mb",
            )

    def check_count(self, count: int) -> None:
        """Raise BadInputError if there are too many files."""
        if count > self.count:
            raise BadInputError(
                f"Expected at most {self.count} files and folders of {self.part} in an upload.",
                received=f"{count} or more",
                hint="split the upload, or raise ingest.max_files",
            )


class Gauge:
    """A stream that is not read beyond `end`, whatever its reader was told to look for there.

    A header of a tarball may claim any length, and tarfile would hold all of that in memory.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.position, self.end = stream, 0, HEADERS

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; raises BadInputError beyond the end."""
        data = self._stream.read(size)
        self.position += len(data)
        if self.position > self.end:
            raise BadInputError(
                f"Expected at most {HEADERS} bytes of headers before a file of a tarball.",
                received="more",
                hint="pack it again with `tar -czf`",
            )
        return data

    def allow_file(self, end: int) -> None:
        """Let the file that ends there be read, and the headers of the next."""
        self.end = end + HEADERS

    def allow_all(self) -> None:
        """Let everything be read; for whoever counts, and keeps nothing."""
        self.end = sys.maxsize
