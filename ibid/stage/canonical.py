"""Writers whose bytes are a function of what they are given, and of nothing else.

No time, host, path or memory address, no order of a dictionary or a folder, and no deflate:
its output differs between builds of zlib, so archives and pictures are stored uncompressed.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

EPOCH = (1980, 1, 1, 0, 0, 0)


def json_bytes(value: Any) -> bytes:
    """Encode JSON: keys sorted, UTF-8, LF, a line an item; NaN and infinities are refused."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)
    return text.encode() + b"\n"


def write_json(path: Path, value: Any) -> None:
    """Write `json_bytes` of a value."""
    path.write_bytes(json_bytes(value))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write CSV with LF line ends; floats in the shortest form that reads back the same."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def png_bytes(pixels: "numpy.ndarray[Any, Any]") -> bytes:
    """Encode a PNG without compression, of uint8, (height, width) or (height, width, 3)."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=0)
    return stream.getvalue()


def write_png(path: Path, pixels: "numpy.ndarray[Any, Any]") -> None:
    """Write `png_bytes` of pixels."""
    path.write_bytes(png_bytes(pixels))


def write_npz(path: Path, arrays: "dict[str, numpy.ndarray[Any, Any]]") -> None:
    """Write arrays as an uncompressed `.npz`, members sorted by name, without times.

    In C order: how an array lies in memory is not its value.
    """
    import numpy

    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(arrays):
            with archive.open(zipfile.ZipInfo(f"{name}.npy", EPOCH), "w") as member:
                numpy.lib.format.write_array(  # type: ignore[no-untyped-call]
                    member, numpy.asarray(arrays[name], order="C"), allow_pickle=False
                )


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    """Write an uncompressed zip, members sorted by name, without times or modes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), members[name])
