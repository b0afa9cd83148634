"""One input of the fuzzer, made an upload and taken in; what must hold of it, whatever it is.

The first byte says which part of the upload the others are.
"""

import contextlib
import gzip
import io
import json
import shutil
import tarfile
import tempfile
from pathlib import Path

import data_drawn as drawn

from components.ingest.member import printable
from components.ingest.stage import run

UPLOAD = "0001-fuzzed"
IMAGES, ANNOTATIONS = "images.tar.gz", "annotations.tar.gz"
PHOTO, MASK = "images/Tabby_1.jpg", "annotations/trimaps/Tabby_1.png"
HEAD, LIST = "annotations/xmls/Tabby_1.xml", "annotations/list.txt"
PARTS = ("tar", "annotations-tar", "gzip", "photo", "mask", "head", "list")
MEMORY = Path("/dev/shm")
SUM = slice(148, 156)


def lay(part: str, data: bytes, folder: Path) -> None:
    """Lay an upload of two pets, one part of which is `data`."""
    files = {name: file for name, file in drawn.files().items() if "rover" not in name}
    if part in ("photo", "mask", "head", "list"):
        files[{"photo": PHOTO, "mask": MASK, "head": HEAD, "list": LIST}[part]] = data
        drawn.unpacked(folder, files)
        return
    drawn.unpacked(folder, files)
    name = ANNOTATIONS if part == "annotations-tar" else IMAGES
    shutil.rmtree(folder / name.removesuffix(".tar.gz"))
    (folder / name).write_bytes(data if part == "gzip" else gzip.compress(with_sums(data), 1))


def with_sums(data: bytes) -> bytes:
    """Give the headers of a tarball the checksums that they lack: else few would be looked at."""
    blocks, at = bytearray(data), 0
    while len(header := blocks[at : at + tarfile.BLOCKSIZE]) == tarfile.BLOCKSIZE:
        header[SUM] = b" " * 8
        blocks[at + 148 : at + 156] = b"%06o\0 " % sum(header)
        try:
            size = max(0, tarfile.nti(header[124:136]))
        except tarfile.HeaderError:
            size = 0
        at += tarfile.BLOCKSIZE * (1 + -(-size // tarfile.BLOCKSIZE))
    return bytes(blocks)


def check(data: bytes) -> None:
    """Take one input in; raises whatever ingest does, and AssertionError if a promise is broken."""
    part = PARTS[data[0] % len(PARTS)] if data else PARTS[0]
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as name:
        root = Path(name)
        lay(part, data[1:], root / "stream" / UPLOAD)
        with contextlib.redirect_stderr(io.StringIO()):
            code = run({"stream": root / "stream"}, root / "out", drawn.INGEST)
        assert {path.name for path in root.iterdir()} == {"stream", "out"}
        check_output(root, UPLOAD, code)


def check_output(root: Path, upload: str, code: int) -> list[str]:
    """Check what ingest made of `stream/UPLOAD` in `out`; returns what it accounts for, sorted.

    That is each photo once; of an upload that is refused, all of them or none.
    """
    out = root / "out"
    assert code in (0, 4)
    places = {path.relative_to(out).parts[:2] for path in out.glob("*/*")}
    assert places <= {("pets", upload), ("quarantine", upload)}
    pets = sorted((out / "pets" / upload).glob("*"))
    assert bool(pets) == (code == 0)
    for pet in pets:
        assert {path.name for path in pet.iterdir()} == {"image.jpg", "mask.png", "metadata.json"}
    known = [json.loads((pet / "metadata.json").read_bytes()) for pet in pets]
    records = [json.loads(p.read_bytes()) for p in (out / "quarantine" / upload).glob("*")]
    assert all(record["reason"] for record in records)
    assert sum(record["part"] == "upload" for record in records) == (code == 4)
    images = [record["file"] for record in records if record["part"] == "images"]
    found = sorted(images + [pet["source"]["file"] for pet in known])
    assert (code == 4 and not found) or found == photos(root / "stream" / upload)
    return found


def photos(upload: Path) -> list[str]:
    """List what an upload brings as images, sorted: of a tarball, what tarfile finds in it."""
    if not (upload / IMAGES).is_file():
        return sorted(path.name for path in (upload / "images").iterdir())
    names = []
    with tarfile.open(upload / IMAGES, "r|gz") as archive:
        for info in archive:
            archive.pax_headers = {}  # as in ingest, none holds for more than one file
            if not info.isdir():
                names.append(printable(info.name.removeprefix("./").removeprefix("images/")))
    return sorted(names)
