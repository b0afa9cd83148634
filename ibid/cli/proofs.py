"""Commands about proof: lineage, compare."""

from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from ibid.cli import show
from ibid.cli.options import Json, Pipeline, find_commit, opened
from ibid.proof.compare import compare as compare_commits
from ibid.proof.lineage import Lineage, Origin
from ibid.proof.lineage import lineage as trace
from ibid.store.commits import DELETED

Ref = Annotated[str, typer.Argument(metavar="REPO@REF", help="A commit, such as release@master.")]


def lineage(commit: Ref, json: Json = False, pipeline: Pipeline = None) -> None:
    """Show the tree behind a commit, to the raw uploads."""
    with opened(pipeline) as (_, store):
        found = trace(store, find_commit(store, commit))
    if json:
        show.data(found.as_json())
        return
    origin = found.origins[found.of]
    view = Tree(_line(origin, "/"), highlight=False)
    _grow(view, found, origin, {found.of})
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


def _grow(view: Tree, found: Lineage, origin: Origin, shown: set[str]) -> None:
    """Hang an origin's inputs below it; what stands further up already is not written out again."""
    for name in origin.holds:
        view.add(Text(name, style="dim"))
    for given in origin.inputs:
        inner = found.origins[given.address]
        line = _line(inner, given.glob)
        if given.address in shown:
            view.add(line.append("  as above", style="dim"))
        else:
            shown.add(given.address)
            _grow(view.add(line), found, inner, shown)


def _line(origin: Origin, glob: str) -> Text:
    text = Text(f"{origin.repo}@{origin.commit[:8]}  {origin.digest[:12]}")
    if origin.purged_at is not None:
        word = "deleted" if origin.purged == DELETED else f"purged ({origin.purged})"
        text.append(f"  {word} on {show.clock(origin.purged_at)[:10]}")
    if glob != "/":
        text.append(f"  {glob}")
    if origin.code and origin.environment:
        text.append(f"  code {origin.code[:8]}, environment {origin.environment[:8]}", style="dim")
    return text
