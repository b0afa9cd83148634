"""When a cron ticks: Pachyderm's expressions, which are those of Go's robfig/cron, in UTC.

Five fields (minute, hour, day of month, month, day of week), `@hourly` and its like, `@every 90s`,
and `@never`. It must not know of clocks: every question comes with its moment.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ibid.stage.contract import UsageError

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NEVER = "@never"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
# What cronsim reads beyond robfig/cron, or otherwise: L, W, #, a seventh day, a sixth field.
_FIELD = re.compile(r"(?:[0-9*/,-]|[A-Za-z]{3})+")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A checked expression: five fields, or the seconds of `@every`; neither of `@never`."""

    fields: str = ""
    every: int = 0

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick after a moment, None if there is none any more."""
        if self.every:
            return moment.replace(microsecond=0) + timedelta(seconds=self.every)
        return next(self._ticks(moment), None)

    def between(self, start: datetime, end: datetime, most: int) -> list[datetime]:
        """List the newest ticks after `start`, up to and with `end`, oldest first."""
        if self.every:
            start = start.replace(microsecond=0)
            count = max(0, int((end - start).total_seconds()) // self.every)
            numbers = range(max(1, count - most + 1), count + 1)
            return [start + timedelta(seconds=self.every * number) for number in numbers]
        backwards = self._ticks(end + timedelta(seconds=1), reverse=True)
        due = itertools.takewhile(lambda tick: tick > start, backwards)
        return [*itertools.islice(due, most)][::-1]

    def _ticks(self, moment: datetime, *, reverse: bool = False) -> Iterator[datetime]:
        if not self.fields:
            return iter(())
        from cronsim import CronSim

        return CronSim(self.fields, moment.astimezone(UTC), reverse=reverse)


def parse(expression: str) -> Schedule:
    """Check an expression; raises UsageError."""
    from cronsim import CronSim, CronSimError

    text = expression.strip()
    if text == NEVER:
        return Schedule()
    if text.startswith("@every "):
        return Schedule(every=_seconds(text.removeprefix("@every ").strip(), expression))
    fields = _NAMED.get(text, text).replace("?", "*").split()
    if len(fields) != 5 or "7" in fields[4] or not all(map(_FIELD.fullmatch, fields)):
        raise _refusal(expression, "")
    try:
        CronSim(" ".join(fields), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise _refusal(expression, f": {error}") from error
    return Schedule(" ".join(fields))


def _seconds(duration: str, expression: str) -> int:
    if not _DURATION.fullmatch(duration):
        raise _refusal(expression, "")
    parts = re.findall(r"([\d.]+)(h|ms|m|s)", duration)
    return max(1, int(sum(float(number) * _UNITS[unit] for number, unit in parts)))


def _refusal(expression: str, why: str) -> UsageError:
    return UsageError(
        "Expected a cron of five fields in UTC, or @hourly, @daily, @weekly, @monthly, @yearly, "
        "@every 1h30m, @never.",
        received=f"{expression}{why}",
    )
