"""What the parameters of every stage have in common.

Each stage's own stand beside it (`components/<stage>/parameters.py`), so that a change to
one stage's schema is in no other stage's code.
"""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from components.segmentation.versions import Step, migrate
from ibid.stage.contract import BadInputError

_log = logging.getLogger(__name__)


class Section(BaseModel):
    """One pipeline's parameters: frozen, complete, without unknown keys.

    They are strict, so that a yes is no number; only `strict=False` makes a tuple of a list.

    `steps` take what an older version of the schema wrote to this one, which is the number of
    steps and one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)
    steps: ClassVar[tuple[Step, ...]] = ()

    version: int = Field(description="Version of this pipeline's schema.")

    @model_validator(mode="before")
    @classmethod
    def _migrated(cls, params: Any) -> Any:
        if not isinstance(params, Mapping) or "version" not in params:
            return params
        values, told = migrate(params, cls.steps)
        for line in told:
            _log.warning("%s: %s", cls.__module__, line)
        return values

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Validate what the contract has read; raises BadInputError, with a line a finding."""
        try:
            return cls.model_validate(params)
        except ValidationError as error:
            raise BadInputError(
                f"Expected parameters as {cls.__module__} defines them.",
                received=findings(error),
                hint="ibid params --commit, which writes them from the pipeline's conf",
            ) from error


def findings(error: ValidationError) -> str:
    """Put what pydantic found into a line each: where, what was expected, what was received."""
    return "\n".join(
        f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}"
        + (
            ""
            if isinstance(each["input"], Mapping | list | tuple)
            else f", received {each['input']!r}"
        )
        for each in error.errors()
    )


class Determinism(BaseModel):
    """How exactly a run can be had again; see `ibid.stage.determinism`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    level: Literal["fast", "strict", "portable"]
    threads: int | None = Field(ge=1, description="Threads of one operation; null: every core.")
    isa: Literal["AVX2", "AVX512_CORE"] | None = Field(
        description="Cap on the instruction set; null: what the processor has."
    )

    @field_validator("threads", "isa")
    @classmethod
    def _portable_fixes_both(
        cls, value: int | str | None, info: ValidationInfo
    ) -> int | str | None:
        if info.data.get("level") == "portable" and value is None:
            raise ValueError("expected a value, the same on every machine, for the level portable")
        return value


class Seeded(Section):
    """Parameters of a stage that computes with the framework."""

    seed: int = Field(ge=0, lt=2**32, description="The one seed of every random number.")
    determinism: Determinism
