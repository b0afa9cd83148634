"""The parameters of the pipeline `tune`."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from components.segmentation.backbones import Backbone
from components.segmentation.fitting import Fitted, hard_masks, refuse_one_photo
from components.segmentation.versions import Step, Values


def one_backbone(values: Values) -> Values:
    """Version 2 can fix the encoder; without that, `backbones` are tried as before."""
    return {"backbone": None} | values


def one_at_a_time(values: Values) -> Values:
    """Version 4 can train trials at once: one at a time, as before, gives the same result."""
    return {"parallel": 1} | values


class Range(BaseModel):
    """A range to draw from, evenly in the logarithm."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    min: float = Field(gt=0)
    max: float = Field(gt=0)

    @field_validator("max")
    @classmethod
    def _ordered(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("min", value):
            raise ValueError(f"expected at least min, {info.data['min']}")
        return value


class Parameters(Fitted):
    """The space to search, the budget, and how each trial trains."""

    steps: ClassVar[tuple[Step, ...]] = (one_backbone, hard_masks, one_at_a_time)

    learning_rate: Range
    batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        strict=False, min_length=1, description="Photos a step, to choose from."
    )
    backbone: Backbone | None = Field(description="The only encoder to try; null: `backbones`.")
    backbones: tuple[Backbone, ...] = Field(
        strict=False, min_length=1, description="Encoders to choose from."
    )
    max_epochs: int = Field(ge=1, description="Epochs of a trial that is never stopped.")
    eta: int = Field(ge=2, description="One in eta trials of a rung goes on, eta times as long.")
    brackets: int = Field(ge=1, le=20, description="Brackets to run, most trials first.")
    parallel: int = Field(ge=1, description="Trials at once; any number gives the same result.")

    @field_validator("batch_sizes")
    @classmethod
    def _enough_to_mix(cls, batch_sizes: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        refuse_one_photo(min(batch_sizes), info.data)
        return batch_sizes

    @property
    def encoders(self) -> tuple[Backbone, ...]:
        """The encoders to try: what is tuned for one that will not be trained is of no use."""
        return (self.backbone,) if self.backbone else self.backbones

    @field_validator("brackets")
    @classmethod
    def _enough_epochs(cls, brackets: int, info: ValidationInfo) -> int:
        eta, epochs = info.data.get("eta"), info.data.get("max_epochs")
        if eta and epochs and eta ** (brackets - 1) > epochs:
            raise ValueError(
                f"expected at most as many as max_epochs {epochs} and eta {eta} allow; "
                f"these need max_epochs={eta ** (brackets - 1)}"
            )
        return brackets
