"""The inputs of `pipeline.yaml`, as people write them: Pachyderm's, checked one by one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from ibid.spec import schedule
from ibid.spec.glob import compile_glob, refuse_dangling
from ibid.spec.sources import cron_repo
from ibid.stage.contract import UsageError

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$")]
_KINDS = ("pfs", "cross", "union", "join", "group", "cron")


class Part(BaseModel):
    """A part of pipeline.yaml: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pfs(Part):
    """Files of one repo, cut into datums by a glob."""

    repo: Name
    glob: str
    name: Name | None = None
    branch: Literal["master"] | None = None
    group_by: str | None = None
    join_on: str | None = None
    outer_join: bool | None = None
    lazy: bool | None = None
    empty_files: bool | None = None

    @field_validator("glob")
    @classmethod
    def _compiles(cls, glob: str) -> str:
        try:
            compile_glob(glob)
        except UsageError as error:
            raise ValueError(_clause(error)) from error
        return glob

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.lazy and self.empty_files:
            raise ValueError("expected at most one of lazy, empty_files, received both")
        if self.outer_join and not self.join_on:
            raise ValueError("expected join_on beside outer_join, received none")
        try:
            refuse_dangling(compile_glob(self.glob), group_by=self.group_by, join_on=self.join_on)
        except UsageError as error:
            raise ValueError(f"{_clause(error)}, received {error.received}") from error
        return self


class Cron(Part):
    """A clock: each tick is a file, named by its time, in a repo of its own."""

    name: Name
    spec: str
    repo: Name | None = None
    start: AwareDatetime | None = None
    overwrite: bool = False

    @field_validator("spec")
    @classmethod
    def _parses(cls, spec: str) -> str:
        try:
            schedule.parse(spec)
        except UsageError as error:
            raise ValueError(_clause(error)) from error
        return spec

    @field_validator("start")
    @classmethod
    def _whole_seconds(cls, start: datetime | None) -> datetime | None:
        return start and start.replace(microsecond=0)


class Input(Part):
    """Where datums come from: exactly one of Pachyderm's kinds."""

    pfs: Pfs | None = None
    cross: tuple["Input", ...] | None = Field(default=None, min_length=1)
    union: tuple["Input", ...] | None = Field(default=None, min_length=1)
    join: tuple["Input", ...] | None = Field(default=None, min_length=1)
    group: tuple["Input", ...] | None = Field(default=None, min_length=1)
    cron: Cron | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1 or len(self.model_fields_set) != 1:
            received = ", ".join(given) or "none of them"
            raise ValueError(f"expected exactly one of {', '.join(_KINDS)}, received {received}")
        return self

    @model_validator(mode="after")
    def _joins_on_something(self) -> Self:
        for part in self.join or ():
            if any(leaf.join_on is None for leaf in part.leaves()):
                raise ValueError("expected join_on in every pfs input of a join, received none")
        return self

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)

    @property
    def parts(self) -> tuple["Input", ...]:
        """The inputs that it combines."""
        return self.cross or self.union or self.join or self.group or ()

    def leaves(self) -> list[Pfs]:
        """List the `pfs` inputs, left to right."""
        return [self.pfs] if self.pfs else [leaf for part in self.parts for leaf in part.leaves()]

    def crons(self) -> list[Cron]:
        """List the `cron` inputs, left to right."""
        return [self.cron] if self.cron else [cron for part in self.parts for cron in part.crons()]

    def cron_repos(self, pipeline: str) -> dict[str, Cron]:
        """Name the repos that its crons tick into."""
        return {cron_repo(pipeline, cron.name, cron.repo): cron for cron in self.crons()}

    def clashes(self, taken: set[str], *, grouped: bool = False) -> Iterator[str]:
        """Name the folders of `/pfs` that two inputs of one datum would share.

        Args:
            taken: the names in use; the input's own are added to it.
            grouped: whether a group is above it, which may put all parts of a union into one datum.
        """
        name = (self.cron and self.cron.name) or (self.pfs and (self.pfs.name or self.pfs.repo))
        if name:
            if name in taken:
                yield name
            taken.add(name)
            return
        before = {*taken}
        for part in self.parts:
            # A datum of a union is of one part only: its parts may use one name.
            own = {*before} if self.union and not grouped else taken
            yield from part.clashes(own, grouped=grouped or self.group is not None)
            taken |= own


def _clause(error: UsageError) -> str:
    return error.message.removesuffix(".").replace("E", "e", 1)
