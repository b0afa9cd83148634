"""Pretrained weights of a backbone: found in the input `weights`, checked, loaded.

They arrive as data, never by a download, so that a model cites them as it cites its photos.
"""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from components.segmentation.parameters import findings
from ibid.stage.contract import BadInputError

LISTING = "weights.json"


class Entry(BaseModel):
    """What `weights.json` says of one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: Literal["mobilenetv2", "vgg19"]
    file: str = Field(pattern=r"^[^/]+\.h5$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    source: str
    licence: str


class Listing(BaseModel):
    """The whole of `weights.json`, which may list no file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    weights: tuple[Entry, ...]

    @field_validator("weights")
    @classmethod
    def _one_each(cls, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        names = [entry.backbone for entry in entries]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected one file a backbone, {', '.join(twice)} has more")
        return entries


def find(folder: Path, backbone: str) -> Path | None:
    """Find a backbone's pretrained weights; None if the listing has none.

    Raises BadInputError if the listing cannot be read, or if a file is missing or not the one
    that the listing's sha256 says.
    """
    for entry in _listing(folder).weights:
        if entry.backbone == backbone:
            return _checked(folder / entry.file, entry)
    return None


def load(encoder: Any, backbone: str, path: Path) -> None:
    """Load weights in the format of keras.applications, top layers left out.

    Raises BadInputError if they are not of this backbone. VGG's were learnt from BGR photos: its
    first kernel is turned around, so that the network takes RGB.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # all that Keras says of layers left out
            encoder.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise BadInputError(
            f"Expected weights of {backbone} in {path.name}: {_amount(encoder.get_weights())}.",
            received=_content(path),
            hint="docs/guides/weights.md says how to write such a file",
        ) from error
    if backbone == "vgg19":
        first = encoder.get_layer("block1_conv1")
        kernel, bias = first.get_weights()
        first.set_weights([kernel[:, :, ::-1], bias])


def _content(path: Path) -> str:
    """Say what a file holds that was taken for weights."""
    import h5py

    arrays: list[Any] = []
    try:
        with h5py.File(path) as file:
            file.visititems(
                lambda _, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None
            )
            return _amount(arrays)
    except OSError as error:
        return str(error)


def _amount(arrays: Sequence[Any]) -> str:
    return f"{len(arrays)} arrays, {sum(array.size for array in arrays):,} numbers"


def _listing(folder: Path) -> Listing:
    try:
        return Listing.model_validate_json((folder / LISTING).read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"Expected {LISTING}, which lists pretrained weights or none.",
            received=findings(error) if isinstance(error, ValidationError) else error,
            hint=f'a {LISTING} of {{"version": 1, "weights": []}} lists none',
        ) from error


def _checked(path: Path, entry: Entry) -> Path:
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
    if found != entry.sha256:
        raise BadInputError(
            f"Expected {entry.file} with the sha256 {entry.sha256}.",
            received=found,
            hint=f"fetch it again from {entry.source}",
        )
    return path
