"""What a run tells whoever watches it, as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ibid.spec.preimage import Digest

# The warnings that a job may end with, by their names.
ALL_RECOVERED = "all-recovered"
WARNINGS = {ALL_RECOVERED: "no datum has a result, so the output is empty"}


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A job has begun: `total` datums, of which `skipped` have known results."""

    pipeline: str
    reasons: tuple[str, ...]
    total: int
    skipped: int
    logs: Path


@dataclass(frozen=True, slots=True)
class DatumDone:
    """One datum has ended; `code` is its exit code."""

    pipeline: str
    label: str
    code: int


@dataclass(frozen=True, slots=True)
class JobDone:
    """A job has ended. `digest` is that of its output commit, `same` whether it was so before.

    `recovered` datums failed, and its `err_cmd` let it do without them. `warnings` are
    names of `WARNINGS`: a success that deserves a second look.
    """

    pipeline: str
    state: str
    seconds: float
    code: int
    error: str
    digest: Digest | None
    same: bool
    recovered: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotRun:
    """A pipeline was not started, because something before it failed or is missing."""

    pipeline: str
    reason: str


@dataclass(frozen=True, slots=True)
class Weaker:
    """The kernel refused a part of the sandbox; `guarantee` says what holds without it."""

    part: str
    guarantee: str
    reason: str


Event = JobStarted | DatumDone | JobDone | NotRun | Weaker
Watch = Callable[[Event], None]
