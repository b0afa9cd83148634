"""Parameters of ingest: how photos are taken in, and how much of an upload is."""

from pydantic import Field

from components.segmentation.parameters import Section
from components.segmentation.photos import MOST_PIXELS

MEGA = 1_000_000


class Parameters(Section):
    """What becomes a pet, and where reading ends."""

    jpeg_quality: int = Field(
        ge=1, le=95, description="libjpeg's quality for photos that have to be encoded anew."
    )
    min_brightness: int = Field(
        ge=0,
        le=255,
        description="Photos of which 99 of 100 pixels are darker are set aside; 0: none.",
    )
    max_megapixels: int = Field(
        ge=1, le=MOST_PIXELS // MEGA, description="Larger photos are set aside, undecoded."
    )
    max_file_mb: int = Field(ge=1, description="Larger files of an upload are set aside, in MB.")
    max_text_mb: int = Field(
        ge=1, description="Larger list.txt and head boxes are set aside, in MB: they are parsed."
    )
    max_images_mb: int = Field(
        ge=1, description="An upload with more, unpacked, is refused where reading gets there."
    )
    max_annotations_mb: int = Field(
        ge=1, description="The same for annotations, which are held in memory."
    )
    max_files: int = Field(
        ge=1,
        description="Most files and folders of images, and of annotations, and lines of list.txt.",
    )
