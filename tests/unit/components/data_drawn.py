"""Small uploads in Oxford's layout, drawn for the tests of ingest and transform."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

INGEST = {
    "version": 1,
    "jpeg_quality": 95,
    "min_brightness": 16,
    "max_megapixels": 1,
    "max_file_mb": 1,
    "max_text_mb": 1,
    "max_images_mb": 8,
    "max_annotations_mb": 8,
    "max_files": 200,
}
TRANSFORM = {"version": 1, "image_size": 64}
LIST = "Tabby_1 1 1 1\nTabby_2 1 1 1\nrover_7 2 2 1\n"
XML = (
    "<annotation><size><width>40</width><height>30</height></size><object><name>cat</name>"
    "<bndbox><xmin>11</xmin><ymin>6</ymin><xmax>20</xmax><ymax>15</ymax></bndbox>"
    "</object></annotation>"
)


def pixels(width: int = 40, height: int = 30) -> np.ndarray:
    """A photo in which every quarter has its own colour, the head of `XML` white."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[: height // 2, : width // 2] = (200, 30, 30)
    photo[: height // 2, width // 2 :] = (30, 200, 30)
    photo[height // 2 :, : width // 2] = (30, 30, 200)
    photo[5:15, 10:20] = 255
    return photo


def trimap(width: int = 40, height: int = 30) -> np.ndarray:
    """A pet in the left half, three pixels of border, background on the right."""
    mask = np.full((height, width), 2, np.uint8)
    mask[:, : width // 2] = 1
    mask[:, width // 2 : width // 2 + 3] = 3
    return mask


def jpeg(array: np.ndarray | None = None, **options: object) -> bytes:
    return encoded(array if array is not None else pixels(), "JPEG", quality=95, **options)


def png(array: np.ndarray | None = None) -> bytes:
    return encoded(array if array is not None else trimap(), "PNG")


def encoded(array: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format=kind, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def files() -> dict[str, bytes]:
    """Three whole pets, one of them with a head box."""
    return {
        "images/Tabby_1.jpg": jpeg(),
        "images/Tabby_2.jpg": jpeg(comment=b"2"),
        "images/rover_7.jpg": jpeg(comment=b"7"),
        "annotations/list.txt": LIST.encode(),
        "annotations/trimaps/Tabby_1.png": png(),
        "annotations/trimaps/Tabby_2.png": png(),
        "annotations/trimaps/rover_7.png": png(),
        "annotations/xmls/Tabby_1.xml": XML.encode(),
    }


def unpacked(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def packed(folder: Path, content: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("images", "annotations"):
        with tarfile.open(folder / f"{part}.tar.gz", "w:gz") as archive:
            for name, data in content.items():
                if name.startswith(f"{part}/"):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
