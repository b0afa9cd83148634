"""Parameters of survey."""

from pydantic import Field

from components.segmentation.parameters import Section


class Parameters(Section):
    """How much of the data the page shows."""

    thumbnails: int = Field(ge=0, le=20, description="Pets shown of each breed and each remark.")
    listed: int = Field(ge=0, description="Files set aside that are named, for each reason.")
