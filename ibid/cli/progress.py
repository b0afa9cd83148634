"""How a run looks while it goes on: bars on a terminal, plain lines elsewhere."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ibid.cli import show
from ibid.engine.events import (
    WARNINGS,
    DatumDone,
    Event,
    JobDone,
    JobStarted,
    NotRun,
    Watch,
    Weaker,
)
from ibid.store.jobs import SUCCESS

POLL_SECONDS = 0.5
LINE_SECONDS = 15.0
# How TensorFlow's native code writes to stderr, mostly about GPUs that are not there.
_GLOG = re.compile(
    r"[IWE]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl"
)


@contextmanager
def watching() -> Iterator[Watch]:
    """Show a run's events on stderr, as fits where it goes."""
    if show.err.is_terminal:
        with Bars() as bars:
            yield bars
    else:
        with Lines() as lines:
            yield lines


class _Tail(threading.Thread):
    """Polls the last line that each job at work has printed."""

    def __init__(self, seconds: float, show_line: Callable[[str, str], None]) -> None:
        super().__init__(daemon=True)
        self.logs: dict[str, Path] = {}
        self._seconds, self._show_line = seconds, show_line
        self._done = threading.Event()

    def run(self) -> None:
        """Poll until stopped."""
        while not self._done.wait(self._seconds):
            for pipeline, folder in list(self.logs.items()):
                if line := last_line(folder):
                    self._show_line(pipeline, line)

    def stop(self) -> None:
        """End the thread."""
        self._done.set()
        self.join()


class Lines:
    """Plain lines: a start, an end, and now and then what a long job prints."""

    def __init__(self) -> None:
        self._tail = _Tail(LINE_SECONDS, self._still)

    def __enter__(self) -> "Lines":
        self._tail.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.stop()

    def __call__(self, event: Event) -> None:
        """Print an event."""
        match event:
            case JobStarted():
                self._tail.logs[event.pipeline] = event.logs
            case JobDone() | NotRun():
                self._tail.logs.pop(event.pipeline, None)
        if text := sentence(event):
            show.say(text)

    def _still(self, pipeline: str, line: str) -> None:
        show.say(f"{pipeline}: {line}")


class Bars:
    """A bar a job, with the last line that it printed."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[line]}", markup=False),
            console=show.err,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._tail = _Tail(POLL_SECONDS, self._still)

    def __enter__(self) -> "Bars":
        self._progress.start()
        self._tail.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.stop()
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Move the bars; ends and reasons stay on the screen as lines."""
        match event:
            case JobStarted():
                task = self._progress.add_task(
                    event.pipeline, total=event.total, completed=event.skipped, line=""
                )
                self._tasks[event.pipeline] = task
                self._tail.logs[event.pipeline] = event.logs
            case DatumDone():
                if (known := self._tasks.get(event.pipeline)) is not None:  # repair has no job
                    self._progress.advance(known)
            case JobDone():
                self._tail.logs.pop(event.pipeline, None)
                self._progress.remove_task(self._tasks.pop(event.pipeline))
        if (text := sentence(event)) and not isinstance(event, JobStarted):
            self._progress.console.print(Text(text))

    def _still(self, pipeline: str, line: str) -> None:
        task = self._tasks.get(pipeline)
        if task is not None:
            self._progress.update(task, line=line[: max(20, show.err.width - 60)])


def sentence(event: Event) -> str | None:
    """Say an event in a line; None for what is not worth one."""
    match event:
        case JobStarted(pipeline, reasons, total, skipped):
            todo = f"{total - skipped} of {total} datums" if total - skipped != 1 else "1 datum"
            return f"{pipeline}: {todo} to run ({'; '.join(reasons)})"
        case JobDone() if event.state == SUCCESS:
            same = ", the same bytes as before" if event.same else ""
            lost = f", {event.recovered} datums recovered" if event.recovered else ""
            refused = f", exit code {event.code}" if event.code else ""
            digest = (event.digest or "")[:12]
            took = show.duration(event.seconds)
            told = "".join(f"\n  Warning ({name}): {WARNINGS[name]}." for name in event.warnings)
            return f"{event.pipeline}: done in {took}, {digest}{same}{lost}{refused}{told}"
        case JobDone():
            return f"{event.pipeline}: {event.state}. {event.error}"
        case NotRun(pipeline, reason):
            return f"{pipeline}: not run, {reason}"
        case Weaker(part, guarantee, reason):
            return f"Weaker here ({part}: {reason}): {guarantee}."
    return None


def last_line(folder: Path) -> str:
    """Return the last line of the log that was written to last, leaving out glog's warnings."""
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return ""
    with logs[-1].open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - 4096))
        lines = stream.read().decode(errors="replace").splitlines()
    told = (line.strip() for line in reversed(lines) if not _GLOG.match(line))
    return next(filter(None, told), "")
