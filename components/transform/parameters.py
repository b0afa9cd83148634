"""Parameters of transform."""

from pydantic import Field

from components.segmentation.parameters import Section


class Parameters(Section):
    """What the model is to see."""

    image_size: int = Field(
        ge=32, le=1024, multiple_of=32, description="Side of the square photos, in pixels."
    )
