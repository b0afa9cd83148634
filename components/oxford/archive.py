"""The two tarballs, pinned: where they are, how large, and which bytes.

Sizes and digests are those that TensorFlow Datasets publishes for both files in its
`tensorflow_datasets/datasets/oxford_iiit_pet/checksums.tsv`, at commit 0e9172b5521d. What comes
from elsewhere is as good, if it has these bytes.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

SOURCE = "https://thor.robots.ox.ac.uk/pets"
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """A file by its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


ARCHIVES = (
    Archive(
        "annotations.tar.gz",
        19_173_078,
        "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
    ),
    Archive(
        "images.tar.gz",
        791_918_971,
        "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
    ),
)


def sha256_of(path: Path) -> str:
    """Hash a file, a block at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
