"""Parameters of ingest."""

from pydantic import Field

from components.segmentation.parameters import Section


class Parameters(Section):
    """How photos are taken in."""

    jpeg_quality: int = Field(
        ge=1, le=95, description="libjpeg's quality for photos that have to be encoded anew."
    )
    max_file_mb: int = Field(ge=1, description="Larger files of an upload are set aside, in MB.")
