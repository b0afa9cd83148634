"""Which value counts where both the user and `tune` may have one: the user's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from components.segmentation.backbones import Backbone
from components.train.parameters import Parameters
from ibid.stage.contract import BadInputError

OPTIMUM = "optimal_hp.json"


class Optimum(BaseModel):
    """What training takes from `optimal_hp.json`; the rest of that file is a record."""

    model_config = ConfigDict(frozen=True)

    backbone: Backbone
    batch_size: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The values to train with, and the names of those that came from `tune`."""

    backbone: Backbone
    batch_size: int
    learning_rate: float
    tuned: tuple[str, ...]


def choose(parameters: Parameters, tune: Path | None) -> Choice:
    """Take what the user set, and the rest from the folder `tune`.

    Raises BadInputError if a parameter is null and there is no such input, or no optimum in it.
    """
    names = tuple(sorted(Optimum.model_fields))
    values: dict[str, Any] = {name: getattr(parameters, name) for name in names}
    tuned = tuple(name for name in names if values[name] is None)
    if tuned:
        optimum = _optimum(tune, tuned)
        values |= {name: getattr(optimum, name) for name in tuned}
    return Choice(**values, tuned=tuned)


def _optimum(tune: Path | None, wanted: tuple[str, ...]) -> Optimum:
    if tune is None:
        raise BadInputError(
            "Expected a value for every parameter, as this pipeline has no input `tune`.",
            received=", ".join(f"{name}=null" for name in wanted),
            hint="ibid params train.learning_rate=0.002 --commit",
        )
    try:
        return Optimum.model_validate_json((tune / OPTIMUM).read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(f"Expected {OPTIMUM} as `tune` writes it.", received=error) from error
