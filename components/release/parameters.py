"""What can be set of `release`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from components.segmentation.parameters import Section

Metric = Literal["iou", "f1", "mean_iou", "accuracy", "precision"]  # more is better of each
Share = Annotated[float, Field(ge=0, le=1)]


class BetterThan(BaseModel):
    """The predictions that the model has to beat, in one metric."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    metric: Metric
    baseline: Share = Field(description="Margin over the model of `train`.")
    mean_mask: Share = Field(description="Margin over the constant mean mask.")


class Serving(BaseModel):
    """What the SeldonDeployment asks of a cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: str = Field(pattern=r"^[A-Za-z0-9][\w./:@-]*$", description="Image of the server.")
    replicas: int = Field(ge=1)
    cpu: str = Field(pattern=r"^\d+(\.\d+)?m?$", description="Kubernetes quantity.")
    memory: str = Field(pattern=r"^\d+(\.\d+)?[KMGT]i?$", description="Kubernetes quantity.")


class Parameters(Section):
    """The parameters of `release`."""

    name: str = Field(
        pattern=r"^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$", description="Name of what is served."
    )
    minimum: dict[Metric, Share] = Field(
        description="Least value of each metric, over all classes."
    )
    better_than: BetterThan
    data_name: str = Field(min_length=1, description="What the photos are; stands in the card.")
    data_licence: str = Field(min_length=1, description="Their licence; stands in the card.")
    data_source: str = Field(min_length=1, description="Where they come from; stands in the card.")
    serving: Serving
