"""The tables of docs/guides/data.md, as tests compare them with what is told."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "data.md"


def quoted(head):
    """List what each row of the table with this first cell quotes in its last, hints left out."""
    lines = iter(GUIDE.read_text().splitlines())
    next(line for line in lines if line.startswith(f"| {head} |"))
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        _, first, *_, last, _ = re.split(r" ?\| ?", line)
        yield first, [quote for quote in re.findall("`(.+?)`", last) if "hint:" not in quote]


def untold(head, told):
    """List what the table quotes, with … for anything, and nobody was told."""
    return [
        f"{first}: {quote}"
        for first, quotes in quoted(head)
        for quote in quotes
        if not any(re.fullmatch(".*".join(map(re.escape, quote.split("…"))), line) for line in told)
    ]
