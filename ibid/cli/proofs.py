"""Commands about proof: lineage, compare."""

from typing import Annotated

import typer
from rich.tree import Tree

from ibid.cli import show
from ibid.cli.options import Json, Pipeline, find_commit, opened
from ibid.proof.compare import compare as compare_commits
from ibid.proof.lineage import Origin
from ibid.proof.lineage import lineage as trace

Ref = Annotated[str, typer.Argument(metavar="REPO@REF", help="A commit, such as release@master.")]


def lineage(commit: Ref, json: Json = False, pipeline: Pipeline = None) -> None:
    """Show the tree behind a commit, to the raw uploads."""
    with opened(pipeline) as (_, store):
        origin = trace(store, find_commit(store, commit))
    if json:
        show.data(origin.as_json())
        return
    view = Tree(_line(origin), highlight=False)
    _grow(view, origin)
    show.out.print(view)


def compare(a: Ref, b: Ref, json: Json = False, pipeline: Pipeline = None) -> None:
    """Put two commits side by side: metrics, and the parameters that differ."""
    with opened(pipeline) as (project, store):
        first, second = find_commit(store, a), find_commit(store, b)
        names = [project.specs[c.repo].metrics for c in (first, second) if c.repo in project.specs]
        files = [name for metrics in names for name in metrics]
        found = compare_commits(store, first, second, files)
    if json:
        show.data(
            {
                kind: [{"name": row.name, "a": row.a, "b": row.b} for row in rows]
                for kind, rows in (("metrics", found.metrics), ("parameters", found.parameters))
            }
        )
        return
    for kind, rows in (("METRIC", found.metrics), ("PARAMETER THAT DIFFERS", found.parameters)):
        if rows:
            show.table((kind, a, b), ((r.name, show.number(r.a), show.number(r.b)) for r in rows))
        else:
            show.say(f"{kind.lower()}: none")


def _grow(view: Tree, origin: Origin) -> None:
    for inner in origin.inputs:
        branch = view.add(_line(inner))
        _grow(branch, inner)
    for upload in origin.uploads:
        view.add(upload, style="dim")


def _line(origin: Origin) -> str:
    text = f"{origin.repo}@{origin.commit[:8]}  {origin.digest[:12]}"
    if origin.glob and origin.glob != "/":
        text += f"  {origin.glob}"
    if origin.code:
        text += f"  code {origin.code[:8]}, environment {(origin.environment or '')[:8]}"
    return text.replace("[", "\\[")
