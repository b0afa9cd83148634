"""How a download looks while it goes on: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich import filesize
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from components.oxford.archive import Archive
from components.oxford.download import Watch

LINE_SECONDS = 15.0


@contextmanager
def watching(archive: Archive, missing: int) -> Iterator[Watch]:
    """Show on stderr how many bytes of an archive are there, as it is told.

    Args:
        archive: what is fetched.
        missing: bytes that have yet to come; of none nothing is shown.
    """
    if missing == 0:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task(archive.name, total=archive.size, completed=archive.size - missing)
            yield lambda there: bar.update(task, completed=there)
    else:
        yield _lines(archive, missing)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _lines(archive: Archive, missing: int) -> Watch:
    """Tell the beginning, and then now and again how far it is."""
    size, last = filesize.decimal(archive.size), time.monotonic()
    print(f"{archive.name}: {filesize.decimal(missing)} of {size} to fetch", file=sys.stderr)

    def watch(there: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            print(f"{archive.name}: {filesize.decimal(there)} of {size}", file=sys.stderr)

    return watch
