"""The parameters of the pipelines `train` and `model`."""

from pydantic import Field

from components.segmentation.backbones import Backbone
from components.segmentation.parameters import Seeded


class Parameters(Seeded):
    """How to train. Where null is allowed, null takes what the input `tune` found."""

    backbone: Backbone | None = Field(description="The encoder; null: the tuned one.")
    batch_size: int | None = Field(ge=1, description="Photos a step; null: the tuned number.")
    learning_rate: float | None = Field(gt=0, description="Adam's first; null: the tuned one.")
    epochs: int = Field(ge=1, description="Passes over the training split, at most.")
    augment: bool = Field(description="Mirror, move, zoom and relight the photos.")
    # Files from before these two have neither, and mean 0.
    mixup_alpha: float = Field(
        default=0, ge=0, le=32, description="mixup's Beta(alpha, alpha); 0: photos are not mixed."
    )
    label_smoothing: float = Field(
        default=0, ge=0, lt=1, description="Certainty spread over the classes; 0: none."
    )
    dropout: float = Field(ge=0, lt=1, description="Share of the deepest features dropped.")
    bn_momentum: float = Field(gt=0, lt=1, description="Of every BatchNorm that learns.")
    plateau_patience: int = Field(
        ge=1, description="Epochs without a better validation score before slowing down."
    )
    plateau_factor: float = Field(gt=0, lt=1, description="What slowing down multiplies by.")
    early_stopping_patience: int = Field(
        ge=1, description="Epochs without a better validation score before stopping."
    )
