"""What can be set of `deploy`."""

from typing import Literal

from pydantic import Field

from components.segmentation.parameters import Section


class Parameters(Section):
    """The parameters of `deploy`."""

    target: Literal["local"] = Field(description="Where a release runs: a folder of this machine.")
    folder: str | None = Field(
        pattern="^/", description="That folder, absolute; null: the one that the launcher names."
    )
