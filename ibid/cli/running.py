"""Commands that run things, or say what would run: run, plan, status, service."""

import csv
import io
import shutil
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ibid.cli import show
from ibid.cli.jobs import job_data, read_log, settle
from ibid.cli.options import Json, Pipeline, opened
from ibid.cli.progress import watching
from ibid.engine import cron
from ibid.engine import plan as planning
from ibid.engine import run as engine
from ibid.engine import service as services
from ibid.engine import watch as watches
from ibid.engine.audit import Audit
from ibid.engine.events import JobDone
from ibid.engine.plan import State, Step
from ibid.engine.project import Project, load
from ibid.stage.contract import ExitCode, UsageError, one_line
from ibid.store.commits import Store
from ibid.store.jobs import Jobs

AUDITED = 10  # datums, and files of each, that are named when an audit finds other bytes


def run(
    json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: run again on every change, until interrupted.")
    ] = False,
    audit: Annotated[
        float,
        typer.Option(
            "--audit",
            metavar="SHARE",
            min=0,
            max=1,
            help="Then run this share of all known datums again; exit 5 if one gives other bytes.",
        ),
    ] = 0,
    pipeline: Pipeline = None,
) -> None:
    """Do what is outstanding, and nothing else."""
    if json and watch:
        raise UsageError("Expected either --json or --watch.", hint="ibid jobs --json")
    if audit and watch:
        raise UsageError("Expected either --audit or --watch.", hint="ibid run --audit 0.05")
    with opened(pipeline) as (project, store):
        if not watch:
            run_and_show(project, store, json=json, audit=audit)
            return
        code = watches.watch(
            project, store, lambda: load(project.root, project.name), _run_and_show, show.say
        )
        if code:
            raise typer.Exit(code)


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
        _say_cluster_only(steps)
        _say_due(project, store)


def status(json: Json = False, pipeline: Pipeline = None) -> None:
    """Say where each pipeline stands: its newest output, its newest job."""
    with opened(pipeline) as (project, store):
        settle(project, store)
        jobs = Jobs(store)
        rows = []
        for step in planning.plan(project, store):
            name = step.spec.name
            rows.append((step, store.head(name), jobs.newest(name)))
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
        raise typer.Exit(services.serve(project, store, name, port, show.say))


def run_and_show(project: Project, store: Store, *, json: bool = False, audit: float = 0) -> None:
    """Run what is outstanding; end with a table, what to do next, and the run's exit code."""
    done = _run_and_show(project, store, json=json, audit=audit)
    if done.code:
        raise typer.Exit(done.code)


def _run_and_show(
    project: Project, store: Store, *, json: bool = False, audit: float = 0
) -> engine.Run:
    with watching() as watch:
        done = engine.run(project, store, watch, say_waiting, audit=audit)
    if json:
        jobs = [_done_data(job) for job in done.done.values()]
        found = {"audit": asdict(done.audit)} if done.audit else {}
        show.data({"jobs": jobs, "not_run": done.not_run, "code": done.code, **found})
    elif done.done or done.not_run:
        _show_done(project, store, done)
    else:
        show.say("Nothing to do: every output is what its inputs, code and settings make.")
        _show_refusals(project, store)
    if done.audit and not json:
        _show_audit(done.audit)
    return done


def _show_audit(audit: Audit) -> None:
    """Say what an audit found: which datums gave other bytes, and in which files."""
    if not audit.known:
        show.say(
            "Audit: nothing was checked, as nothing was known before this run.\n\n"
            "  hint: give --audit once more: what has just run is known now (effects never are)"
        )
        return
    drawn = f"Audit: {audit.again} of {audit.known} known datums run again"
    for finding in audit.unsettled[:AUDITED]:
        words = finding.found[0].strip().splitlines()[0]
        show.say(f"  not settled: {finding.pipeline} {one_line(finding.datum)}: {words}")
    if not audit.mismatches:
        agree = "all with the same result" if audit.again else "so nothing was checked"
        show.say(f"{drawn}, {agree}.")
        return
    show.say(f"{drawn}; {len(audit.mismatches)} with another result:")
    for finding in audit.mismatches[:AUDITED]:
        show.say(f"  {finding.pipeline} {one_line(finding.datum)}")
        for line in finding.found[:AUDITED]:
            show.say(f"    {line}")
    show.say(
        "\n  hint: what a stage writes has to follow from its inputs, code and environment alone: "
        "look for times, random numbers, the order of files. What was committed stays as it was."
    )


def _say_due(project: Project, store: Store) -> None:
    """Say which crons a run would have tick, and when the others do."""
    now = datetime.now(UTC)
    missed = cron.due(project, store, now)
    for repo in cron.crons(project):
        if repo in missed:
            ticks = missed[repo]
            show.say(f"due: {len(ticks)} ticks of {repo}, the last at {cron.name(ticks[-1])}")
        elif moment := cron.next_tick(project, store, repo, now):
            show.say(f"the next tick of {repo}: {cron.name(moment)}")


def _say_cluster_only(steps: list[Step]) -> None:
    """Name the fields that only a cluster enforces, each with the pipelines that set it."""
    fields: dict[str, list[str]] = {}
    for step in steps:
        for field in step.spec.cluster_only:
            fields.setdefault(field, []).append(step.spec.name)
    for field, names in fields.items():
        who = "all" if len(names) == len(steps) else ", ".join(names)
        show.say(f"for a cluster only, not enforced here: {field} ({who})")


def _show_done(project: Project, store: Store, done: engine.Run) -> None:
    if not done.done:
        return
    counts = {name: Jobs(store).resolve(name) for name in done.done}
    show.table(
        ("PIPELINE", "STATE", "RUN", "SKIPPED", "TOOK", "DIGEST"),
        (
            (
                name,
                _state(job),
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
            where = "" if shutil.which("ibid") else f" (the command is {sys.argv[0]})"
            show.say(f"\nNext{where}:")
        for line in project.index["next"]:
            show.say(f"  {line}")


def _state(job: JobDone) -> str:
    told = [*([str(job.code)] if job.code else []), *job.warnings]
    return f"{job.state} ({', '.join(told)})" if told else job.state


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
    for output in engine.refusals(project, store):
        name = f"{output.repo}@{output.id[:8]}"
        show.say(f"\nRefused: {name} (exit code {int(ExitCode.GATE_REFUSED)}).")
        found = [job for job in Jobs(store).history(output.repo) if job.id == output.id]
        # A commit that came from elsewhere came without its job.
        rows = [(j, row) for j in found for row in Jobs(store).datums(j.pipeline, j.id) if row.code]
        said = "\n".join(read_log(project, job, row) for job, row in rows)
        show.say(said or f"  hint: ibid logs {name}, or that of the run that computed it")


def say_waiting(holder: str) -> None:
    """Say for whom a command waits."""
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
        "recovered": job.recovered,
        "warnings": list(job.warnings),
    }
