"""The parameters of the whole workload, as `pipelines/pets/conf` composes them.

For the command line alone: no stage may reach this, or one stage's schema would be in every key.
"""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from components.calibrate.parameters import Parameters as Calibrate
from components.deploy.parameters import Parameters as Deploy
from components.evaluate.parameters import Parameters as Evaluate
from components.ingest.parameters import Parameters as Ingest
from components.release.parameters import Parameters as Release
from components.segmentation.parameters import Determinism
from components.survey.parameters import Parameters as Survey
from components.train.parameters import Parameters as Train
from components.transform.parameters import Parameters as Transform
from components.tune.parameters import Parameters as Tune


class Parameters(BaseModel):
    """Every pipeline's section, and what they share: seed and determinism."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seed: int = Field(ge=0, lt=2**32)
    determinism: Determinism
    ingest: Ingest
    transform: Transform
    survey: Survey
    train: Train
    tune: Tune
    model: Train
    calibrate: Calibrate
    evaluate: Evaluate
    release: Release
    deploy: Deploy

    @field_validator("train")
    @classmethod
    def _baseline_stands_alone(cls, train: Train) -> Train:
        """`train` has no tuned values to take."""
        names = ("backbone", "batch_size", "learning_rate")
        if missing := [name for name in names if getattr(train, name) is None]:
            raise ValueError(f"expected a {', '.join(missing)}: null is for `model` only")
        return train
