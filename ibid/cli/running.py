"""Commands that run things, or say what would run: run, plan, status, service."""

import csv
import io
from typing import Annotated, Any

import typer

from ibid.cli import show
from ibid.cli.jobs import job_data, read_log
from ibid.cli.options import Json, Pipeline, opened
from ibid.cli.progress import watching
from ibid.engine import plan as planning
from ibid.engine import run as engine
from ibid.engine import service as services
from ibid.engine.events import JobDone
from ibid.engine.plan import State, Step
from ibid.engine.project import Project
from ibid.store.commits import Store
from ibid.store.jobs import SUCCESS, Jobs


def run(json: Json = False, pipeline: Pipeline = None) -> None:
    """Do what is outstanding, and nothing else."""
    with opened(pipeline) as (project, store):
        run_and_show(project, store, json=json)


def plan(json: Json = False, pipeline: Pipeline = None) -> None:
    """Say what would run, and why."""
    with opened(pipeline) as (project, store):
        steps = planning.plan(project, store)
        if json:
            show.data([_step_data(step) for step in steps])
            return
        show.table(
            ("PIPELINE", "STATE", "WHY"),
            ((step.spec.name, str(step.state), _why(step)) for step in steps),
        )
        for step in steps:
            if step.spec.cluster_only and step.state is not State.SERVICE:
                fields = ", ".join(step.spec.cluster_only)
                show.say(f"{step.spec.name}: for a cluster only, not enforced here: {fields}")


def status(json: Json = False, pipeline: Pipeline = None) -> None:
    """Say where each pipeline stands: its newest output, its newest job."""
    with opened(pipeline) as (project, store):
        jobs = Jobs(store)
        rows = []
        for step in planning.plan(project, store):
            name = step.spec.name
            rows.append((step, store.head(name), next(iter(jobs.history(name)), None)))
        if json:
            show.data(
                [
                    _step_data(step)
                    | {
                        "commit": head and head.id,
                        "digest": head and head.tree,
                        "job": job and job_data(job),
                    }
                    for step, head, job in rows
                ]
            )
            return
        show.table(
            ("PIPELINE", "STATE", "COMMIT", "DIGEST", "NEWEST JOB"),
            (
                (
                    step.spec.name,
                    str(step.state),
                    head.id[:8] if head else "-",
                    head.tree[:12] if head else "-",
                    f"{job.state}, {show.age(job.finished or job.started)}" if job else "-",
                )
                for step, head, job in rows
            ),
        )


def service(
    name: Annotated[str, typer.Argument(help="A pipeline that is a service, such as tensorboard.")],
    port: Annotated[int | None, typer.Option(help="Default: the port that its spec names.")] = None,
    pipeline: Pipeline = None,
) -> None:
    """Serve a page over an output on this machine, until it is interrupted."""
    with opened(pipeline) as (project, store):
        show.say(f"{name}: http://127.0.0.1:{port or project.specs[name].port}/  (Ctrl-C ends it)")
        raise typer.Exit(services.serve(project, store, name, port))


def run_and_show(project: Project, store: Store, *, json: bool = False) -> None:
    """Run what is outstanding; end with a table, what to do next, and the run's exit code."""
    with watching() as watch:
        done = engine.run(project, store, watch, _say_waiting)
    if json:
        show.data({"jobs": [_done_data(job) for job in done.done.values()], "code": done.code})
    elif done.done or done.not_run:
        _show_done(project, store, done)
    else:
        show.say("Nothing to do: every output is what its inputs, code and settings make.")
        _show_refusals(project, store)
    if done.code:
        raise typer.Exit(done.code)


def _show_done(project: Project, store: Store, done: engine.Run) -> None:
    counts = {name: next(iter(Jobs(store).history(name))) for name in done.done}
    show.table(
        ("PIPELINE", "STATE", "RUN", "SKIPPED", "TOOK", "DIGEST"),
        (
            (
                name,
                f"{job.state} ({job.code})" if job.code else job.state,
                counts[name].total - counts[name].skipped,
                counts[name].skipped,
                show.duration(job.seconds),
                (job.digest or "-")[:12],
            )
            for name, job in done.done.items()
        ),
    )
    if all(job.digest for job in done.done.values()) and not done.not_run:
        _show_summary(project, store)
        _show_refusals(project, store)
        if project.index["next"]:
            show.say("\nNext:")
        for line in project.index["next"]:
            show.say(f"  {line}")


def _show_summary(project: Project, store: Store) -> None:
    """Show the table that pipeline.yaml names."""
    summary = project.index["summary"]
    head = summary and store.head(summary["pipeline"])
    entry = head and store.trees.find(head.tree, f"/{summary['file']}")
    if entry:
        header, *rows = csv.reader(io.StringIO(store.objects.read(entry.digest).decode()))
        show.print_plain("")
        show.table([name.upper() for name in header], ([_rounded(c) for c in row] for row in rows))


def _rounded(cell: str) -> str:
    try:
        return f"{float(cell):.4f}" if "." in cell else cell
    except ValueError:
        return cell


def _show_refusals(project: Project, store: Store) -> None:
    """Say which refusals stand, and what their stages said of them."""
    for name in project.specs:
        newest = next(iter(Jobs(store).history(name)), None)
        if newest and newest.state == SUCCESS and newest.code:
            job = f"{newest.pipeline}@{newest.id[:8]}"
            show.say(f"\nRefused: {job} (exit code {newest.code}).")
            rows = [row for row in Jobs(store).datums(newest.pipeline, newest.id) if row.code]
            show.say("\n".join(read_log(project, newest, row) for row in rows))


def _say_waiting(holder: str) -> None:
    show.say(f"Waiting for the run of {holder} to end.")


def _why(step: Step) -> str:
    if step.state is State.WAITS:
        return f"nothing is committed to {', '.join(step.reasons)}"
    if step.state is State.FOLLOWS:
        return f"unless {' and '.join(step.reasons)} give the same bytes as before"
    return "; ".join(step.reasons)


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "pipeline": step.spec.name,
        "state": str(step.state),
        "reasons": list(step.reasons),
        "cluster_only": list(step.spec.cluster_only),
    }


def _done_data(job: JobDone) -> dict[str, Any]:
    return {
        "pipeline": job.pipeline,
        "state": job.state,
        "seconds": job.seconds,
        "code": job.code,
        "error": job.error,
        "digest": job.digest,
        "same": job.same,
    }
