"""What the parameters of every stage have in common.

Each stage's own stand beside it (`components/<stage>/parameters.py`), so that a change to
one stage's schema is in no other stage's code.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ibid.stage.contract import BadInputError


class Section(BaseModel):
    """One pipeline's parameters: frozen, complete, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(description="Version of the parameter schema.")

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Validate what the contract has read; raises BadInputError."""
        try:
            return cls.model_validate(params)
        except ValidationError as error:
            raise BadInputError(
                f"Expected parameters as {cls.__module__} defines them.",
                received=error,
                hint="ibid params --schema",
            ) from error


class Determinism(BaseModel):
    """How exactly a run can be had again; see `ibid.stage.determinism`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["fast", "strict", "portable"]
    threads: int | None = Field(ge=1, description="Threads of one operation; null: every core.")
    isa: Literal["AVX2", "AVX512_CORE"] | None = Field(
        description="Cap on the instruction set; null: what the processor has."
    )

    @model_validator(mode="after")
    def _portable_fixes_both(self) -> Self:
        if self.level == "portable" and None in (self.threads, self.isa):
            raise ValueError("portable needs threads and isa, the same on every machine")
        return self


class Seeded(Section):
    """Parameters of a stage that computes with the framework."""

    seed: int = Field(ge=0, lt=2**32, description="The one seed of every random number.")
    determinism: Determinism
