"""Crons tick when Pachyderm's do: by the rules of Go's robfig/cron, which it uses, in UTC."""

from datetime import UTC, datetime, timedelta

import pytest

from ibid.spec.schedule import parse
from ibid.stage.contract import UsageError

START = datetime(2024, 1, 31, 23, 58, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after"),
    [
        ("* * * * *", "2024-01-31T23:59:00"),
        ("*/15 * * * *", "2024-02-01T00:00:00"),
        ("5,10-12 * * * *", "2024-02-01T00:05:00"),
        ("0 6 * * MON-FRI", "2024-02-01T06:00:00"),
        ("0 0 1 1 ?", "2025-01-01T00:00:00"),
        ("0 0 13 * fri", "2024-02-02T00:00:00"),  # a day of either kind
        ("0 0 */2 * fri", "2024-02-09T00:00:00"),  # both, beside a star
        ("0 0 29 2 *", "2024-02-29T00:00:00"),
        ("@hourly", "2024-02-01T00:00:00"),
        ("@daily", "2024-02-01T00:00:00"),
        ("@midnight", "2024-02-01T00:00:00"),
        ("@weekly", "2024-02-04T00:00:00"),
        ("@monthly", "2024-02-01T00:00:00"),
        ("@yearly", "2025-01-01T00:00:00"),
        ("@annually", "2025-01-01T00:00:00"),
        ("@every 1h30m", "2024-02-01T01:28:30"),
        ("@every 1.5s", "2024-01-31T23:58:31"),
        ("@every 10ms", "2024-01-31T23:58:31"),  # a second at least
        ("@never", None),
    ],
)
def test_the_next_tick(expression, after):
    expected = after and datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert parse(expression).after(START) == expected


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* * * * 7", "* * L * *", "* * * * 5#2",
     "* * 15W * *", "@often", "@every", "@every 5", "@every 1d", "TZ=UTC * * * * *", "5-1 * * * *",
     "0 0 31 2 *"],
)  # fmt: skip
def test_what_pachyderm_does_not_know_is_refused(expression):
    with pytest.raises(UsageError, match="five fields"):
        parse(expression)


@pytest.mark.parametrize("expression", ["* * * * *", "@every 60s"])
def test_what_was_missed_is_listed_oldest_first_and_at_most_so_many(expression):
    start = START.replace(second=0)
    end = start + timedelta(minutes=5)
    every = [start + timedelta(minutes=n) for n in range(1, 6)]
    assert parse(expression).between(start, end, 100) == every
    assert parse(expression).between(start, end - timedelta(seconds=1), 100) == every[:-1]
    assert parse(expression).between(start, end, 2) == every[-2:]
    assert parse(expression).between(end, start, 2) == []
    assert parse("@never").between(start, end, 2) == []
