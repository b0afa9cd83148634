"""What one datum may take, of time and of what is limited: when it has to be ended, and why."""

import time

from ibid.engine.group import Group
from ibid.engine.limits import Limits
from ibid.spec.spec import Spec


class Overrun(Exception):  # noqa: N818 - not an error of ours: the stage went too far
    """A bound was passed, or a rule broken: why the engine has to end the process."""


class Bounds:
    """The time and the limits of one datum; `until` is when the job's time is over."""

    def __init__(self, spec: Spec, limits: Limits, until: float | None) -> None:
        ends = [(until, f"the job took longer than job_timeout, {spec.job_timeout or 0:g} s")]
        if spec.timeout is not None:
            late = f"took longer than datum_timeout, {spec.timeout:g} s"
            ends.append((time.monotonic() + spec.timeout, late))
        known = [(end, why) for end, why in ends if end is not None]
        self._end: float | None
        self._end, self._why = min(known, default=(None, ""))
        self._limits = limits

    def pause(self) -> float | None:
        """Say how long nothing has to be looked at, in seconds."""
        left = None if self._end is None else max(0.0, self._end - time.monotonic())
        return min(
            (wait for wait in (left, self._limits.interval) if wait is not None), default=None
        )

    def look(self, pid: int, group: Group | None, *, last: bool) -> None:
        """Raise Overrun if a limit was passed; one that has ended is never late."""
        if reason := self._limits.exceeded(pid, group, last=last):
            raise Overrun(reason)
        if not last and self._end is not None and time.monotonic() >= self._end:
            raise Overrun(self._why)
