"""Odd, broken and malicious uploads: each builder lays one in a folder, by the name of its case.

The cases are the rows of the tables in docs/guides/data.md.
"""

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import data_drawn as drawn
import numpy as np
from PIL import Image

PHOTO, MASK, HEAD, LIST = (
    "images/Tabby_1.jpg",
    "annotations/trimaps/Tabby_1.png",
    "annotations/xmls/Tabby_1.xml",
    "annotations/list.txt",
)
Content = dict[str, bytes | None]
MEGABYTE = 1_000_000


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def in_mode(mode: str, kind: str) -> bytes:
    return saved(Image.fromarray(drawn.pixels()).convert(mode), kind)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG made by hand, for Pillow writes no such thing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def sixteen_bits() -> bytes:
    wide = drawn.pixels().astype(">u2") * 257
    return png(40, 30, 16, 2, b"".join(b"\0" + row.tobytes() for row in wide))


def scans() -> bytes:
    """A JPEG of which the last scan comes 2001 times."""
    data = saved(Image.new("L", (1000, 1000), 128), "JPEG", progressive=True)
    return data[:-2] + 2001 * data[data.rindex(b"\xff\xda") : -2] + data[-2:]


def animation(kind: str) -> bytes:
    first = Image.fromarray(drawn.pixels())
    return saved(first, kind, save_all=True, append_images=[Image.new("RGB", (40, 30), "red")])


ENTITIES = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
LAUGHS = f'<!DOCTYPE a [<!ENTITY e0 "ha">{ENTITIES}]><a>&e9;</a>'.encode()
OUTSIDE = b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'
MORE = drawn.jpeg(comment=b"more")

# What is changed of an upload of three pets; None: left out.
CHANGES: dict[str, Content] = {
    "truncated": {PHOTO: drawn.jpeg()[:-200]},
    "png": {PHOTO: in_mode("RGB", "PNG")},
    "gif": {PHOTO: in_mode("RGB", "GIF")},
    "bmp": {PHOTO: in_mode("RGB", "BMP")},
    "webp": {PHOTO: in_mode("RGB", "WEBP")},
    "tiff": {PHOTO: in_mode("RGB", "TIFF")},
    "cmyk": {PHOTO: in_mode("CMYK", "JPEG")},
    "16-bit-grey": {PHOTO: saved(Image.fromarray(np.full((30, 40), 40000, np.uint16)), "PNG")},
    "16-bit-colour": {PHOTO: sixteen_bits()},
    "grey": {PHOTO: in_mode("L", "JPEG")},
    "palette": {PHOTO: saved(Image.fromarray(drawn.pixels()).quantize(), "PNG")},
    "transparent": {PHOTO: in_mode("RGBA", "PNG")},
    "rotated": {PHOTO: drawn.jpeg(exif=drawn.exif(6))},
    "animated": {PHOTO: animation("GIF")},
    "zero-bytes": {PHOTO: b""},
    "text": {PHOTO: b"no photo"},
    "other-file": {"images/Tabby_3.mat": b"matlab"},
    "huge": {PHOTO: png(50_000, 50_000, 8, 2, b"\0" * 99)},
    "large": {PHOTO: saved(Image.new("RGB", (1001, 1000), "red"), "PNG")},
    "long-side": {
        PHOTO: saved(Image.new("RGB", (66_000, 10), "red"), "PNG"),
        MASK: drawn.png(drawn.trimap(66_000, 10)),
    },
    "scans": {PHOTO: scans()},
    "large-file": {PHOTO: bytes(1_000_001)},
    "no-mask": {MASK: None},
    "no-photo": {PHOTO: None},
    "mask-broken": {MASK: drawn.png()[:60]},
    "mask-size": {MASK: drawn.png(drawn.trimap(41, 30))},
    "mask-values": {MASK: drawn.png(drawn.trimap() * 60)},
    "mask-colour": {MASK: drawn.png(drawn.pixels())},
    "mask-one-class": {MASK: drawn.png(np.full((30, 40), 2, np.uint8))},
    "mask-no-pet": {MASK: drawn.png(np.maximum(drawn.trimap(), 2))},
    "mask-huge": {MASK: png(50_000, 50_000, 8, 0, b"\0" * 99)},
    "dark": {PHOTO: drawn.jpeg(drawn.pixels() // 20)},
    "twin": {"images/Tabby_3.jpg": drawn.jpeg(), MASK.replace("1", "3"): drawn.png()},
    "nested-photo": {PHOTO: None, "images/cats/Tabby_1.jpg": drawn.jpeg()},
    "space": {"images/Tabby 3.jpg": MORE},
    "normal-forms": {"images/Caf\u00e9_1.jpg": MORE, "images/Cafe\u0301_1.jpg": MORE},
    "newline": {"images/Tabby\n_3.jpg": MORE},
    "dash": {"images/-rf_3.jpg": MORE},
    "long-name": {f"images/{'x' * 296}.jpg": MORE},
    "two-suffixes": {"images/Tabby_1.png": MORE},
    "list-crlf": {
        LIST: b"\xef\xbb\xbf" + drawn.LIST.replace(" ", "\t").replace("\n", "\r\n").encode()
    },
    "list-columns": {LIST: drawn.LIST.encode() + b"Tabby_1 1\n"},
    "list-unknown": {LIST: drawn.LIST.encode() + b"Bengal_9 3 1 2\n"},
    "list-twice": {LIST: drawn.LIST.encode() + b"Tabby_1 9 2 9\n"},
    "list-lacks": {LIST: drawn.LIST.partition("\n")[2].encode()},
    "no-list": {LIST: None},
    "list-long": {LIST: b"Tabby_9\n" * 201},
    "list-large": {LIST: b"#" * 1_000_001},
    "xml-entities": {HEAD: LAUGHS},
    "xml-outside": {HEAD: OUTSIDE},
    "xml-broken": {HEAD: b"<annotation><bndbox>"},
    "xml-beyond": {HEAD: drawn.XML.replace("<xmax>20<", "<xmax>99<").encode()},
    "other-annotation": {"annotations/notes.doc": b"?"},
    "dots": {"images/../../escape_1.jpg": MORE},
}


def changed(case: str) -> dict[str, bytes]:
    content: Content = {**drawn.files(), **CHANGES[case]}
    return {name: data for name, data in content.items() if data is not None}


def tarball(upload: Path, add: Callable[[tarfile.TarFile], None], part: str = "images") -> None:
    """Lay an upload of three pets, one tarball of which `add` has begun with files of its own."""
    drawn.packed(upload, drawn.files())
    with tarfile.open(upload / f"{part}.tar.gz", "w:gz") as archive:
        add(archive)
        for name, data in drawn.files().items():
            if name.startswith(f"{part}/"):
                member(archive, name, data)


def member(archive: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def special(kind: bytes, target: str = "") -> Callable[[Path], None]:
    def add(archive: tarfile.TarFile) -> None:
        member(archive, "images/Tabby_3.jpg", type=kind, linkname=target)

    return lambda upload: tarball(upload, add)


def sparse(archive: tarfile.TarFile) -> None:
    """A megabyte of zeros in a header of PAX, version 0.1."""
    told = {"GNU.sparse.map": f"{MEGABYTE},0", "GNU.sparse.realsize": str(MEGABYTE)}
    member(archive, "images/Tabby_3.jpg", pax_headers=told)


def sparse_old(upload: Path) -> None:
    """A megabyte of zeros in a header of GNU's own, which holds its size at byte 483."""
    block = bytearray(header("images/Tabby_3.jpg", 0, tarfile.GNUTYPE_SPARSE))
    block[483:495] = b"%011o\0" % MEGABYTE
    block[148:156] = b"%06o\0 " % sum(block[:148] + b" " * 8 + block[156:])
    drawn.packed(upload, drawn.files())
    path = upload / "images.tar.gz"
    path.write_bytes(gzip.compress(bytes(block)) + path.read_bytes())


def twice(upload: Path) -> None:
    tarball(upload, lambda archive: member(archive, PHOTO, MORE))


def absolute(upload: Path) -> None:
    tarball(upload, lambda archive: member(archive, "/tmp/escape_1.jpg", MORE))


def two_masks(upload: Path) -> None:
    tarball(upload, lambda archive: member(archive, MASK, drawn.png()), "annotations")


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Lay an upload of which the bytes of one tarball are changed."""

    def lay(upload: Path) -> None:
        path = drawn.packed(upload, drawn.files()) / "images.tar.gz"
        path.write_bytes(change(path.read_bytes()))

    return lay


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


def without(name: str) -> Callable[[Path], None]:
    return lambda upload: (drawn.packed(upload, drawn.files()) / name).unlink()


def nested(upload: Path) -> None:
    drawn.packed(upload / "oxford", drawn.files())


def loose(upload: Path) -> None:
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(drawn.jpeg())


def empty(upload: Path) -> None:
    upload.mkdir(parents=True)


def only(*names: str) -> Callable[[Path], None]:
    return lambda upload: drawn.unpacked(upload, {name: drawn.files()[name] for name in names})


def linked(upload: Path) -> None:
    drawn.unpacked(upload, drawn.files())
    (upload / "images" / "Tabby_3.jpg").symlink_to("/etc/passwd")


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def bomb(*parts: tuple[bytes, int]) -> Callable[[Path], None]:
    """Lay a tarball of blocks, each repeated: gzip's members can be strung together."""

    def lay(upload: Path) -> None:
        drawn.packed(upload, drawn.files())
        with (upload / "images.tar.gz").open("wb") as stream:
            for block, times in parts:
                packed = gzip.compress(block)
                for _ in range(times):
                    stream.write(packed)

    return lay


ZEROS = (bytes(10 * MEGABYTE), 1000)
GIGABYTES = 10_000 * MEGABYTE


def many_headers(count: int) -> tuple[bytes, int]:
    return b"".join(header(f"images/{n}.jpg", 0) for n in range(count // 100)), 100


UPLOADS: dict[str, Callable[[Path], None]] = {
    "empty": empty,
    "loose": loose,
    "no-images": without("images.tar.gz"),
    "no-annotations": without("annotations.tar.gz"),
    "no-pets": only("images/Tabby_1.jpg", LIST),
    "cut": rewritten(lambda data: data[:-20]),
    "flipped": rewritten(flipped),
    "no-gzip": rewritten(gzip.decompress),
    "no-tar": rewritten(lambda _: gzip.compress(b"no tarball at all" * 99)),
    "gzip-of-gzip": rewritten(gzip.compress),
    "nested-upload": nested,
    "symlink": special(tarfile.SYMTYPE, "/etc/passwd"),
    "hardlink": special(tarfile.LNKTYPE, "../../../etc/passwd"),
    "device": special(tarfile.CHRTYPE),
    "fifo": special(tarfile.FIFOTYPE),
    "sparse": lambda upload: tarball(upload, sparse),
    "sparse-old": sparse_old,
    "folder-link": linked,
    "two-members": twice,
    "absolute": absolute,
    "two-masks": two_masks,
    "many-bytes": bomb((header("images/a.jpg", 9 * MEGABYTE) + bytes(9 * MEGABYTE + 512), 1)),
    "zeros": bomb((header("images/a.jpg", GIGABYTES), 1), ZEROS),
    "zeros-after": bomb((header("images/a.jpg", 0), 1), ZEROS),
    "million": bomb(many_headers(1_000_000)),
    "long-header": bomb((header("x", GIGABYTES, tarfile.XHDTYPE), 1), ZEROS),
    "headers-of-headers": bomb((header("x", 0, tarfile.XHDTYPE), 100_000)),
}


def again(photo: bytes) -> Callable[[Path], None]:
    """Lay two uploads that both bring one of the pets."""

    def lay(upload: Path) -> None:
        drawn.packed(upload, drawn.files())
        content = {PHOTO: photo, **{name: drawn.files()[name] for name in (MASK, HEAD, LIST)}}
        drawn.packed(upload.with_name("0003-c"), content)

    return lay


UPLOADS |= {"same-again": again(drawn.jpeg()), "other-again": again(MORE)}
CASES = {*CHANGES, *UPLOADS}


def lay(case: str, upload: Path) -> None:
    """Lay the upload of a case."""
    if case in UPLOADS:
        UPLOADS[case](upload)
    else:
        drawn.packed(upload, changed(case))
