"""What can be set of `deploy`."""

from typing import ClassVar, Literal

from pydantic import Field

from components.segmentation.parameters import Section
from components.segmentation.versions import Step, Values


def absolute_folder(values: Values) -> Values:
    """Version 2 has an absolute folder; a relative one was below wherever the stage happened to be.

    Raises ValueError for one that is relative: nobody can tell where that was.
    """
    folder = values.get("folder")
    if isinstance(folder, str) and not folder.startswith("/"):
        raise ValueError(
            f"version 2 has no relative folder, received {folder!r}: "
            "give deploy.folder as an absolute path, or null"
        )
    return values


class Parameters(Section):
    """The parameters of `deploy`."""

    steps: ClassVar[tuple[Step, ...]] = (absolute_folder,)

    target: Literal["local"] = Field(description="Where a release runs: a folder of this machine.")
    folder: str | None = Field(
        pattern="^/", description="That folder, absolute; null: the one that the launcher names."
    )
