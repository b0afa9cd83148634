"""A report's data: the summary, warnings and tables that a stage wrote for people to read.

It knows how a report is told, not what is counted in it.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ibid.stage.contract import BadInputError


class Table(BaseModel):
    """A table; one without rows says that there is nothing to count."""

    model_config = ConfigDict(frozen=True)

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"expected rows of {len(self.columns)} cells in '{self.title}'")
        return self


class Report(BaseModel):
    """What is told before the page is opened; other keys are the stage's own."""

    model_config = ConfigDict(frozen=True)

    summary: str
    warnings: tuple[str, ...] = ()
    tables: tuple[Table, ...]


def read(data: bytes) -> Report:
    """Read a report's JSON; raises BadInputError if it is none."""
    try:
        return Report.model_validate_json(data)
    except ValidationError as error:
        raise BadInputError(
            "Expected a report with summary and tables.",
            received=error,
            hint="docs/reference/pipeline.md says what `report.data` holds",
        ) from error
