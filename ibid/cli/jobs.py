"""Commands about jobs: jobs, logs, stop."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ibid.cli import show
from ibid.cli.options import Json, Pipeline, opened
from ibid.engine.project import Project
from ibid.stage.contract import UsageError
from ibid.store.commits import Store
from ibid.store.jobs import RECOVERED, RUNNING, DatumRow, Job, Jobs

POLL_SECONDS = 0.3

JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="PIPELINE@ID, or PIPELINE for its newest job.")
]


def jobs(json: Json = False, pipeline: Pipeline = None) -> None:
    """List the jobs, newest first."""
    with opened(pipeline) as (project, store):
        settle(project, store)
        history = Jobs(store).history()
        if json:
            show.data([job_data(job) for job in history])
            return
        show.table(
            ("JOB", "STATE", "DATUMS", "SKIPPED", "TOOK", "STARTED (UTC)"),
            (
                (
                    f"{job.pipeline}@{job.id[:8]}",
                    f"{job.state} ({job.code})" if job.code else job.state,
                    job.total,
                    job.skipped,
                    show.duration((job.finished or time.time()) - job.started),
                    show.clock(job.started),
                )
                for job in history
            ),
        )


def logs(
    job: JobName,
    datum: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this datum: its id or its beginning.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the job ends.")] = False,
    pipeline: Pipeline = None,
) -> None:
    """Print what a job printed, and how its datums ended."""
    if datum and follow:
        raise UsageError("Expected either --datum or --follow.", hint=f"ibid logs {job} --follow")
    with opened(pipeline) as (project, store):
        settle(project, store)
        found = Jobs(store).resolve(job)
        if datum is not None:
            _print_datum(project, store, found, datum)
            return
        _print_log(project, store, found, follow)
        _say_end(store, found)


def stop(job: JobName, pipeline: Pipeline = None) -> None:
    """Stop a job that is running; what it has finished is kept."""
    with opened(pipeline) as (project, store):
        settle(project, store)
        found = Jobs(store).resolve(job)
        if not Jobs(store).request_stop(found.pipeline, found.id):
            state = _now(store, found).state  # it may have ended just now
            raise UsageError("Expected a job that is running.", received=f"{job} is {state}")
        show.say(f"{found.pipeline}@{found.id[:8]}: asked to stop")


def job_data(job: Job) -> dict[str, Any]:
    """Return a job as plain values."""
    return {
        "pipeline": job.pipeline,
        "id": job.id,
        "state": job.state,
        "datums": job.total,
        "skipped": job.skipped,
        "code": job.code,
        "error": job.error,
        "started": job.started,
        "finished": job.finished,
    }


def settle(project: Project, store: Store) -> None:
    """Mark jobs as ended that a killed run has left, unless a run is at work now."""
    with project.home.run_lock_if_free() as free:
        if free:
            Jobs(store).end_abandoned()


def read_log(project: Project, job: Job, row: DatumRow) -> str:
    """Read what one datum printed; nothing if its log was purged."""
    if not row.log:
        return ""
    with (_folder(project, job) / row.log).open("rb") as stream:
        stream.seek(row.log_start)
        return stream.read(row.log_end - row.log_start).decode(errors="replace").rstrip("\n")


def _print_log(project: Project, store: Store, job: Job, follow: bool) -> None:
    places: dict[str, int] = {}
    going_on = True
    while going_on:
        settle(project, store)
        # Asked before reading: what a job prints last is read after it has ended.
        going_on = follow and _now(store, job).state == RUNNING
        _print_new(project, job, places)
        if going_on:
            time.sleep(POLL_SECONDS)


def _say_end(store: Store, job: Job) -> None:
    for row in Jobs(store).datums(job.pipeline, job.id):
        if row.error:
            state = "recovered, " if row.state == RECOVERED else ""
            show.say(f"datum {row.id[:8]} ({row.label}): {state}exit code {row.code}: {row.error}")
    ended = _now(store, job)
    show.say(f"{job.pipeline}@{job.id[:8]}: {ended.state}")
    if ended.error:
        show.say(ended.error)


def _now(store: Store, job: Job) -> Job:
    return Jobs(store).resolve(f"{job.pipeline}@{job.id}")


def _print_datum(project: Project, store: Store, job: Job, prefix: str) -> None:
    rows = [r for r in Jobs(store).datums(job.pipeline, job.id) if r.id.startswith(prefix)]
    if len(rows) != 1:
        raise UsageError(
            f"Expected a datum of {job.pipeline}@{job.id[:8]}.",
            received=f"{prefix}, which {len(rows)} datums match",
            hint=f"ibid logs {job.pipeline}@{job.id[:8]}",
        )
    row = rows[0]
    if row.log:
        show.print_plain(read_log(project, job, row))
    show.say(f"{row.label}: {row.state}, exit code {row.code}. {row.error}".rstrip())


def _print_new(project: Project, job: Job, places: dict[str, int]) -> None:
    for path in sorted(_folder(project, job).glob("*.log")):
        with path.open("rb") as stream:
            stream.seek(places.get(path.name, 0))
            text = stream.read()
        places[path.name] = places.get(path.name, 0) + len(text)
        if text:
            show.print_plain(text.decode(errors="replace").rstrip("\n"))


def _folder(project: Project, job: Job) -> Path:
    return project.home.logs_of(job.pipeline, job.id)
