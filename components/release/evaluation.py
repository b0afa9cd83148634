"""`evaluation_result.json` as `release` reads it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from components.segmentation.digest import sha256
from ibid.stage.contract import BadInputError

Groups = dict[str, dict[str, float]]


class Models(BaseModel):
    """The scores of each model: `[group][metric]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean_mask: Groups
    baseline: Groups
    model: Groups
    calibrated: Groups


class Cited(BaseModel):
    """SHA-256 of the files that were evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline: str
    calibration: str
    model: str


class Evaluation(BaseModel):
    """What `evaluate` found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    photos: int
    size: int
    models: Models
    inputs: Cited


def read(path: Path) -> Evaluation:
    """Read the file; raises BadInputError if it is missing or not as `evaluate` writes it."""
    sha256(path)
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BadInputError(
            f"Expected {path.name} as evaluate writes it.", received=error
        ) from error


def check(cited: Cited, digests: dict[str, str]) -> None:
    """Refuse an evaluation of another model than the one to be released; raises BadInputError."""
    files = {"model.keras": cited.model, "calibration.npz": cited.calibration}
    for name, evaluated in files.items():
        if digests[name] != evaluated:
            raise BadInputError(
                f"Expected an evaluation of the {name} that is to be released.",
                received=f"{evaluated} evaluated, {digests[name]} given",
                hint="ibid run",
            )
