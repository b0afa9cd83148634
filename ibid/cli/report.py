"""The command `report`: what an output says to people, by tables here and by a page."""

import json as jsons
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibid.cli import show
from ibid.cli.data import copy_out
from ibid.cli.options import Json, Pipeline, find_entry, opened
from ibid.engine.project import Project
from ibid.stage.contract import UsageError, one_line
from ibid.store.commits import Store

if TYPE_CHECKING:
    from ibid.spec.report import Report


def report(
    target: Annotated[
        Path | None, typer.Argument(help="Write the page there; it must not be there yet.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    json: Json = False,
    pipeline: Pipeline = None,
) -> None:
    """Show the report that pipeline.yaml names: its tables; with TARGET or --open also its page."""
    from ibid.spec import report as reports

    with opened(pipeline) as (project, store):
        named = _named(project)
        data = _read(store, f"{named['pipeline']}:/{named['data']}")
        told = reports.read(data)
        if json:
            show.data(jsons.loads(data))
        else:
            _show(told)
        if target is not None or open_page:
            path = target or Path(tempfile.mkdtemp(prefix="ibid-")) / Path(named["page"]).name
            copy_out(store, f"{named['pipeline']}:/{named['page']}", path, force=force)
            if open_page:
                _open(path)
        elif not json:
            show.say(f"\nThe page, with pictures if it has any: ibid report {named['page']} --open")


def _named(project: Project) -> dict[str, str]:
    named: dict[str, str] | None = project.index["report"]
    if named is None:
        raise UsageError(
            f"Expected a pipeline with a report, {project.name} has none.",
            hint="`report` in pipeline.yaml names one: docs/reference/pipeline.md",
        )
    return named


def _read(store: Store, address: str) -> bytes:
    commit, _, entry = find_entry(store, address)
    with store.reading(commit):
        return store.objects.read(entry.digest)


def _show(told: "Report") -> None:
    """Print summary, warnings and tables; what people call their files may hold anything."""
    show.print_plain(one_line(told.summary))
    for warning in told.warnings:
        show.print_plain(f"Warning: {one_line(warning)}")
    for table in told.tables:
        show.print_plain(f"\n{one_line(table.title)}{'' if table.rows else ': none'}")
        if table.rows:
            rows = (
                ["-" if value is None else one_line(str(value)) for value in row]
                for row in table.rows
            )
            show.table([one_line(name).upper() for name in table.columns], rows)


def _open(path: Path) -> None:
    url = path.absolute().as_uri()
    if not webbrowser.open(url):
        show.say(f"No browser was found on this machine: open {url}")
