"""What a verify found: of each stage, and of the whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ibid.proof.cause import Cause
from ibid.spec.preimage import Digest
from ibid.store.commits import Commit


class State(StrEnum):
    """What came of one stage."""

    SAME = "the same bytes"
    OTHER = "other bytes"
    EFFECT = "an effect, never run again"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Difference:
    """A file as it is on record and as it came out now; None where there is none."""

    path: str
    then: Digest | None
    now: Digest | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One commit, made again.

    `again` of its `datums` were run; `found` is the digest that came out, if all were; `why` says
    what is wrong beside the files that differ: a failure, another exit code, what it follows.
    `in_force` is what its processes found in force.
    """

    commit: Commit
    state: State
    datums: int = 0
    again: int = 0
    seconds: float = 0
    found: Digest | None = None
    differences: tuple[Difference, ...] = ()
    why: str = ""
    weaker: frozenset[str] = frozenset()
    in_force: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verify found; `environment` says how what is installed is not what is cited.

    Of the first stage that differs, `inside` says where in its first file, `cause` likely why.
    """

    commit: Commit
    inputs: tuple[Commit, ...]
    stages: tuple[Stage, ...]
    environment: tuple[str, ...]
    inside: tuple[str, ...]
    cause: Cause | None
    only: str | None
    sample: float
    started: float
    finished: float

    @property
    def subject(self) -> Commit:
        """What the verdict is about: the commit, or the output of the one stage asked for."""
        return self.stages[-1].commit if self.only else self.commit

    @property
    def sampled(self) -> bool:
        """Whether of some stage not all datums were run."""
        return any(0 < stage.again < stage.datums for stage in self.stages)

    @property
    def first(self) -> Stage | None:
        """The first stage that gave other bytes."""
        return next((stage for stage in self.stages if stage.state is State.OTHER), None)

    @property
    def passed(self) -> bool:
        """Whether all that was run gave the bytes on record."""
        return self.first is None


def summary(stage: Stage) -> str:
    """Say in a line how a stage differs: the first file and how many more, what else is wrong."""
    paths = [each.path.lstrip("/") for each in stage.differences]
    more = f" and {len(paths) - 1} more files" if len(paths) > 1 else ""
    return "; ".join(filter(None, [*(f"{path}{more}" for path in paths[:1]), stage.why]))
