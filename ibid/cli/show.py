"""How things look: tables on stdout, messages on stderr, JSON in one form."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import filesize
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Tables are data: they keep their width where stdout is no terminal, so that no cell is cut.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    view = Table(box=None, pad_edge=False, header_style="bold")
    for number, header in enumerate(headers):
        column = [row[number] for row in cells]
        right = bool(column) and all(_is_number(cell) for cell in column)
        view.add_column(header, justify="right" if right else "left", overflow="fold")
    for row in cells:
        view.add_row(*(Text(cell) for cell in row))
    out.print(view)


def data(value: Any) -> None:
    """Print JSON."""
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")


def say(message: str) -> None:
    """Print a message for people, on stderr."""
    err.print(Text(message))


def print_plain(text: str) -> None:
    """Print text on stdout as it is."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # whoever follows a log through a pipe wants it now


def age(moment: float) -> str:
    """Say how long ago a moment was."""
    seconds = max(0.0, time.time() - moment)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def clock(moment: float) -> str:
    """Write a moment in UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def size(number: int) -> str:
    """Write a number of bytes."""
    return filesize.decimal(number)


def duration(seconds: float) -> str:
    """Write a duration."""
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def number(value: object) -> str:
    """Write a metric."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _is_number(cell: str) -> bool:
    try:
        float(cell.split(" ")[0])
    except ValueError:
        return cell in ("", "-")
    return True
