"""A file of an upload, before anything is known of what it holds."""

from dataclasses import dataclass

LONGEST = 300  # a tarball may give a name of any length, and records hold it


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an upload.

    Attributes:
        part: `images` or `annotations`.
        name: relative to its part, as `printable` makes it; may be anything.
        data: its bytes, empty where there is a problem.
        problem: why the bytes are not here: a link, too large; else None.
    """

    part: str
    name: str
    data: bytes = b""
    problem: str | None = None


def printable(name: str) -> str:
    """Show bytes that are not UTF-8 as escapes, for JSON can hold no lone surrogate; cut the end.

    Two names of one text in two of Unicode's normal forms stay two names.
    """
    shown = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}… ({len(shown)} characters)"
