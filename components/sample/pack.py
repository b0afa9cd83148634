"""A drawn data set as two tarballs in Oxford's layout, its quirks included.

Equal arguments give equal bytes: no times, no owners, no deflate around what is packed already.
"""

import gzip
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from components.sample.breeds import BREEDS, Breed, names
from components.sample.photograph import Photograph, take
from components.segmentation import masks, oxford, photos

QUALITY = 90
# Every 33rd photo is stored turned, as cameras do; what turns it back, by EXIF orientation.
TURNED_EVERY, TURNED_FIRST = 33, 11
BACK = {6: 8, 3: 3, 8: 6}
UNLISTED = 7
MARK = "Drawn by components.sample"
README = """{mark}: {pets} pets, seed {seed}.

Invented pets before invented scenes, in the layout of the Oxford-IIIT Pet Dataset, whose
conventions they follow; no photo is in them. CC0 1.0: no rights reserved.

trimaps/    1: pet, 2: background, 3: border
xmls/       head boxes of about half of the pets, as Pascal VOC
list.txt    name, class, species, breed number
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """The two tarballs."""

    images: bytes
    annotations: bytes


def pack(pets: int, seed: int) -> Packed:
    """Draw a number of pets and pack them; a pet's pixels do not depend on how many there are."""
    images: dict[str, bytes] = {}
    readme = README.format(mark=MARK, pets=pets, seed=seed).encode()
    annotations = {"annotations/README": readme, "annotations/list.txt": _listing(pets)}
    for index, (name, breed) in enumerate(names(pets)):
        rng = np.random.default_rng([seed, index])
        photo, orientation = _stored(index, take(breed, rng))
        images[f"images/{name}.jpg"] = _jpeg(photo, orientation)
        annotations[f"annotations/trimaps/{name}.png"] = _png(photo)
        if photo.head is not None and rng.uniform() < 0.5:
            annotations[f"annotations/xmls/{name}.xml"] = _heads(name, breed, photo, photo.head)
    return Packed(_tarball(images.items()), _tarball(annotations.items()))


def is_drawing(annotations: bytes) -> bool:
    """Tell whether a tarball of annotations is one that `pack` has made."""
    try:
        with tarfile.open(fileobj=BytesIO(annotations), mode="r:gz") as archive:
            readme = archive.extractfile("annotations/README")
            return readme is not None and readme.read().startswith(MARK.encode())
    except (tarfile.TarError, EOFError, OSError, KeyError):
        return False


def _listing(pets: int) -> bytes:
    """List all pets but one, which has to be known by its name, as in the real data set."""
    lines = [
        (name, oxford.Entry(BREEDS.index(breed) + 1, breed.species), _number(breed))
        for index, (name, breed) in enumerate(names(pets))
        if index != UNLISTED
    ]
    return oxford.format_list(sorted(lines)).encode()


def _number(breed: Breed) -> int:
    """Number a breed within its species, from 1."""
    return [other for other in BREEDS if other.species == breed.species].index(breed) + 1


def _stored(index: int, photo: Photograph) -> tuple[Photograph, int]:
    """Turn some photos away from upright; returns the EXIF orientation that turns them back."""
    turns, rest = divmod(index - TURNED_FIRST, TURNED_EVERY)
    if rest or turns < 0:
        return photo, photos.UPRIGHT
    orientation = tuple(BACK)[turns % len(BACK)]
    back = BACK[orientation]
    height, width = photo.trimap.shape
    pixels = np.array(photos.turn(Image.fromarray(photo.pixels), back))
    head = photo.head and photos.turn_box(photo.head, (width, height), back)
    return Photograph(pixels, masks.turn(photo.trimap, back), head), orientation


def _jpeg(photo: Photograph, orientation: int) -> bytes:
    exif = Image.Exif()
    if orientation != photos.UPRIGHT:
        exif[photos.ORIENTATION] = orientation
    buffer = BytesIO()
    Image.fromarray(photo.pixels).save(buffer, format="JPEG", quality=QUALITY, exif=exif)
    return buffer.getvalue()


def _png(photo: Photograph) -> bytes:
    """Encode a trimap compressed, by the zlib within Pillow, which the lock pins."""
    buffer = BytesIO()
    Image.fromarray(photo.trimap).save(buffer, format="PNG")
    return buffer.getvalue()


def _heads(name: str, breed: Breed, photo: Photograph, head: photos.Box) -> bytes:
    height, width = photo.trimap.shape
    return oxford.format_heads(name, breed.species, (width, height), [head])


def _tarball(files: Iterable[tuple[str, bytes]]) -> bytes:
    buffer = BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=buffer, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for info, data in _entries(files):
            archive.addfile(info, BytesIO(data))
    return buffer.getvalue()


def _entries(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Describe files without time and owner, the README first, the rest by name."""
    for name, data in sorted(files, key=lambda item: (not item[0].endswith("README"), item)):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        yield info, data
