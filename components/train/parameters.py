"""The parameters of the pipelines `train` and `model`."""

from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from components.segmentation.backbones import Backbone
from components.segmentation.fitting import Fitted, hard_masks, refuse_one_photo
from components.segmentation.versions import Step


class Parameters(Fitted):
    """How to train. Where null is allowed, null takes what the input `tune` found."""

    steps: ClassVar[tuple[Step, ...]] = (hard_masks,)

    backbone: Backbone | None = Field(description="The encoder; null: the tuned one.")
    batch_size: int | None = Field(ge=1, description="Photos a step; null: the tuned number.")
    learning_rate: float | None = Field(gt=0, description="Adam's first; null: the tuned one.")
    epochs: int = Field(ge=1, description="Passes over the training split, at most.")
    plateau_patience: int = Field(
        ge=1, description="Epochs without a better validation score before slowing down."
    )
    plateau_factor: float = Field(gt=0, lt=1, description="What slowing down multiplies by.")
    early_stopping_patience: int = Field(
        ge=1, description="Epochs without a better validation score before stopping."
    )

    @field_validator("batch_size")
    @classmethod
    def _enough_to_mix(cls, batch_size: int | None, info: ValidationInfo) -> int | None:
        refuse_one_photo(batch_size, info.data)
        return batch_size
