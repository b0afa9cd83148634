"""Going on: a run whenever an input, the code or a cron asks for one, until somebody ends it.

Between two runs nothing is held: no lock, no transaction. What is looked at then costs little: one
number that SQLite keeps, and the times of the files that the pipelines are made of.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import ibid
from ibid.compile.files import FOLDER, INDEX
from ibid.engine import closure, cron
from ibid.engine.plan import input_heads
from ibid.engine.project import Project
from ibid.engine.run import Run
from ibid.spec.spec import Spec
from ibid.stage.contract import ExitCode, IbidError
from ibid.store.commits import CommitId, Store
from ibid.store.disk import explain

POLL_SECONDS = 0.5
Stamps = dict[Path, tuple[int, int]]
Heads = dict[str, CommitId | None]


class Watching:
    """What a watch waits for: anything that differs from what the last run saw."""

    def __init__(self, project: Project, store: Store) -> None:
        self._store, self._project = store, project
        self._paths = _paths(project)
        self._stamps = _stamps(self._paths)
        self._heads = _heads(project, store)
        self._version = store.database.version()
        # What a run that could not start has left is due still, and no reason to try again.
        self._missed = cron.due(project, store, datetime.now(UTC))

    def reason(self, now: datetime) -> str:
        """Say what asks for a run; nothing if nothing does."""
        if _stamps(self._paths) != self._stamps:
            return "the code or the pipeline has changed"
        version = self._store.database.version()
        if version != self._version:
            self._version = version
            heads = _heads(self._project, self._store)
            changed = sorted(repo for repo in heads if heads[repo] != self._heads.get(repo))
            if changed:
                return f"new in {', '.join(changed)}"
        ticks = cron.due(self._project, self._store, now)
        return f"{', '.join(sorted(ticks))} ticks" if ticks and ticks != self._missed else ""


def watch(
    project: Project,
    store: Store,
    load: Callable[[], Project],
    run: Callable[[Project, Store], Run],
    say: Callable[[str], None],
) -> int:
    """Run, wait for a reason, run again; ends on SIGINT or SIGTERM.

    Args:
        project: as it is now.
        store: its store.
        load: loads the project again, after a change of its files.
        run: does what is outstanding.
        say: is told what is waited for, why a run starts, and what keeps it from starting.

    Returns:
        the exit code of the last run.
    """
    code = int(ExitCode.DONE)
    try:
        with _interrupting():
            while True:
                watching = Watching(project, store)  # what changes from here on is for the next
                try:
                    done = run(project, store)
                    code = done.code
                    if done.stopped:
                        return code
                except (IbidError, OSError) as raised:  # it may pass, a full disk among that
                    error = explain(raised) if isinstance(raised, OSError) else raised
                    code = int(error.code)
                    say(f"error: {error}")
                project = _next(watching, project, store, load, say)
    except KeyboardInterrupt:
        return code


def _next(
    watching: Watching,
    project: Project,
    store: Store,
    load: Callable[[], Project],
    say: Callable[[str], None],
) -> Project:
    """Wait for a reason to run; returns the project as it is then."""
    tick = cron.first_tick(project, store, datetime.now(UTC))
    say("Waiting for a change" + (f", or for the tick at {cron.name(tick)}." if tick else "."))
    told = ""
    while True:
        if reason := watching.reason(datetime.now(UTC)):
            try:
                found = load()
            except IbidError as error:  # pipeline.yaml, half written
                if told != str(error):
                    say(f"{reason}. Not run: {error}")
                told = str(error)
            else:
                say(f"{reason}.")
                return found
        time.sleep(POLL_SECONDS)


@contextmanager
def _interrupting() -> Iterator[None]:
    """Make both signals end the waiting; while a run is at work, it has them."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, signal.default_int_handler) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _heads(project: Project, store: Store) -> Heads:
    return {repo: head.id if head else None for repo, head in input_heads(project, store).items()}


def _paths(project: Project) -> list[Path]:
    """List the files that a run is made of: every closure, and the pipeline."""
    roots = [project.root, Path(ibid.__file__).parents[1]]
    found = {project.folder / "pipeline.yaml", project.folder / FOLDER / INDEX}
    for spec in project.specs.values():
        try:
            names = [*closure.resolve(project.root, spec)]
        except IbidError:  # the run says so; what mends it is in the component's package
            names = [*spec.files, *_package(project.root, spec)]
        found |= {root / name for name in names for root in roots}
    return sorted(found)


def _package(root: Path, spec: Spec) -> list[str]:
    """List the Python files of the package that a component is in."""
    if spec.component is None:
        return []
    package = root / spec.component.partition(".")[0]
    return [path.relative_to(root).as_posix() for path in package.rglob("*.py")]


def _stamps(paths: list[Path]) -> Stamps:
    found: Stamps = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # in the other root, or removed since
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found
