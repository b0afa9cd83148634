"""What can be set of `evaluate`."""

from pydantic import Field

from components.segmentation.parameters import Seeded


class Parameters(Seeded):
    """The parameters of `evaluate`."""

    rows: int = Field(ge=1, le=50, description="Photos shown with their predictions.")
    worst: int = Field(ge=1, le=50, description="Photos shown because they came out worst.")
