"""What can be set of `calibrate`."""

from pydantic import Field

from components.segmentation.parameters import Seeded


class Parameters(Seeded):
    """The parameters of `calibrate`."""

    folds: int = Field(ge=2, description="Parts of the photos, each judged by a fit on the others.")
    bins: int = Field(ge=2, le=100, description="Equal bins of the reliability curve.")
