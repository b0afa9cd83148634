"""Parameters of ingest: how photos are taken in, and how much of an upload is."""

from typing import ClassVar

from pydantic import Field

from components.segmentation.parameters import Section
from components.segmentation.photos import MOST_PIXELS
from components.segmentation.versions import Step, Values

MEGA = 1_000_000


def limits(values: Values) -> Values:
    """Version 2 has limits; dark photos stay in, and the rest is as wide as a whole Oxford set."""
    return {
        "min_brightness": 0,
        "max_megapixels": MOST_PIXELS // MEGA,
        "max_text_mb": values["max_file_mb"],
        "max_images_mb": 4096,
        "max_annotations_mb": 256,
        "max_files": 100_000,
    } | values


class Parameters(Section):
    """What becomes a pet, and where reading ends."""

    steps: ClassVar[tuple[Step, ...]] = (limits,)

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
