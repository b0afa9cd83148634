"""The parameters of the pipeline `tune`."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.segmentation.backbones import Backbone
from components.segmentation.parameters import Seeded


class Range(BaseModel):
    """A range to draw from, evenly in the logarithm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: float = Field(gt=0)
    max: float = Field(gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is larger than max")
        return self


class Parameters(Seeded):
    """The space to search, the budget, and how each trial trains."""

    learning_rate: Range
    batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1, description="Photos a step, to choose from."
    )
    backbone: Backbone | None = Field(description="The only encoder to try; null: `backbones`.")
    backbones: tuple[Backbone, ...] = Field(min_length=1, description="Encoders to choose from.")
    max_epochs: int = Field(ge=1, description="Epochs of a trial that is never stopped.")
    eta: int = Field(ge=2, description="One in eta trials of a rung goes on, eta times as long.")
    brackets: int = Field(ge=1, description="Brackets to run, most trials first.")
    parallel: int = Field(ge=1, description="Trials at once; any number gives the same result.")
    augment: bool
    dropout: float = Field(ge=0, lt=1)
    bn_momentum: float = Field(gt=0, lt=1)

    @property
    def encoders(self) -> tuple[Backbone, ...]:
        """The encoders to try: what is tuned for one that will not be trained is of no use."""
        return (self.backbone,) if self.backbone else self.backbones

    @model_validator(mode="after")
    def _enough_epochs(self) -> Self:
        if self.eta ** (self.brackets - 1) > self.max_epochs:
            least = self.eta ** (self.brackets - 1)
            raise ValueError(f"{self.brackets} brackets need max_epochs of at least {least}")
        return self
