"""Commands about the pipeline itself: sample, fetch, params, specs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ibid.cli import show
from ibid.cli.options import NoRun, Pipeline, opened
from ibid.cli.running import run_and_show
from ibid.engine.inputs import commit_params
from ibid.engine.project import Project, find, load
from ibid.stage.contract import UsageError


def sample(context: typer.Context, pipeline: Pipeline = None) -> None:
    """Draw a synthetic data set: ibid sample DIR, with the options of the pipeline's sampler."""
    project = load(Path.cwd(), pipeline)
    module = project.index["sample"]
    if module is None:
        raise UsageError(f"Expected a pipeline with a sampler, {project.name} has none.")
    raise typer.Exit(_start(project, module, context.args))


def fetch(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A data set that the pipeline knows.")],
    pipeline: Pipeline = None,
) -> None:
    """Fetch a real data set: ibid fetch NAME DIR, with the options of the pipeline's fetcher."""
    project = load(Path.cwd(), pipeline)
    known: dict[str, str] = project.index.get("datasets", {})
    if name not in known:
        raise UsageError(
            f"Expected a data set that {project.name} can fetch: {', '.join(known) or 'none'}.",
            received=name,
        )
    raise typer.Exit(_start(project, known[name], context.args))


def _start(project: Project, module: str, arguments: list[str]) -> int:
    """Start a module of the workload here, so that a folder is what the caller means by it."""
    environment = os.environ | {"PYTHONPATH": str(project.root)}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def params(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="In Hydra's grammar: model.epochs=3, preset=tiny."),
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit them, and start what they feed.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print their JSON Schema.")] = False,
    no_run: NoRun = False,
    pipeline: Pipeline = None,
) -> None:
    """Compose and check the parameters; print them, or commit them."""
    from ibid.spec import parameters

    with opened(pipeline) as (project, store):
        declared = project.index["parameters"]
        if declared is None:
            raise UsageError(f"Expected a pipeline with parameters, {project.name} has none.")
        if schema:
            show.data(parameters.model_of(project.root, declared).model_json_schema())
            return
        given = tuple(overrides or ())
        composed = parameters.compose_for(project.root, project.folder, declared, given)
        if not commit:
            show.data(composed.model_dump(mode="json"))
            return
        made = commit_params(store, parameters.files(composed, [*project.specs]), given)
        show.say(f"params@{made.id[:8]}: committed" if made else "params: no change, no commit")
        if not no_run:
            run_and_show(project, store)


def specs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if anything is stale.")
    ] = False,
    pipeline: Pipeline = None,
) -> None:
    """Compile pipeline.yaml into generated/, for each engine."""
    from ibid.compile import files
    from ibid.spec.pipeline import read

    root, name = find(Path.cwd(), pipeline)
    source = root / "pipelines" / name / "pipeline.yaml"
    compiled = files.compile_workflow(read(source), source.read_bytes())
    folder = source.parent / files.FOLDER
    stale = files.stale(folder, compiled) if check else files.write(folder, compiled)
    for path in stale:
        show.say(f"{'stale' if check else 'wrote'} {folder.relative_to(root) / path}")
    if check and stale:
        raise UsageError(
            f"Expected {folder.relative_to(root)} to be compiled from pipeline.yaml.",
            received=f"{len(stale)} stale files",
            hint="make specs",
        )
    if not stale:
        show.say(f"{folder.relative_to(root)}: fresh, {len(compiled)} files")
