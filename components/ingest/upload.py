"""The files of an upload, packed or not, one after the other. It knows files, not photos."""

from collections.abc import Iterator
from pathlib import Path

from components.ingest import tarball
from components.ingest.limits import Limits
from components.ingest.member import Member, printable
from ibid.stage.contract import BadInputError


def members(upload: Path, limits: Limits) -> Iterator[Member]:
    """Go through `PART.tar.gz` and the folder `PART` of an upload, whichever there are.

    Raises BadInputError if the upload is no folder, lacks the part, is damaged or too much.
    """
    part = limits.part
    if not upload.is_dir():
        raise BadInputError(
            "Expected a folder an upload.", received="a file", hint="ibid put stream FOLDER"
        )
    packed, folder = upload / f"{part}.tar.gz", upload / part
    if not packed.is_file() and not folder.is_dir():
        raise BadInputError(
            f"Expected {part}.tar.gz or a folder {part} in the upload.",
            received=_listed(upload),
            hint="ibid put stream FOLDER, with FOLDER in the layout of the Oxford-IIIT Pet Dataset",
        )
    if packed.is_file():
        yield from tarball.members(packed, limits)
    if folder.is_dir():
        yield from _unpacked(folder, limits)


def _unpacked(folder: Path, limits: Limits) -> Iterator[Member]:
    total = 0
    for path in _walk(folder, limits):
        part, name = limits.part, printable(path.relative_to(folder).as_posix())
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            yield Member(part, name, problem="Expected a file. Received: a link or a device")
        elif path.is_file():
            size = path.stat().st_size
            total += size
            limits.check_total(total)
            reason = limits.too_large(size)
            yield Member(part, name, b"" if reason else path.read_bytes(), reason)


def _walk(folder: Path, limits: Limits) -> list[Path]:
    paths: list[Path] = []
    for path in folder.rglob("*"):
        paths.append(path)
        limits.check_count(len(paths))
    return sorted(paths)


def _listed(folder: Path) -> str:
    names = sorted(printable(entry.name) for entry in folder.iterdir())
    return ", ".join(names[:8]) + f" and {len(names) - 8} more" * (len(names) > 8) or "nothing"
