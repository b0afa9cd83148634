"""Commands about proof: lineage, compare, verify, why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from ibid.cli import show
from ibid.cli.options import Json, Pipeline, find_commit, opened
from ibid.cli.progress import watching
from ibid.cli.running import say_waiting
from ibid.proof import statement
from ibid.proof.compare import compare as compare_commits
from ibid.proof.elsewhere import unpacked
from ibid.proof.lineage import Lineage, Origin
from ibid.proof.lineage import lineage as trace
from ibid.proof.verdict import State, Verification
from ibid.proof.verify import verify as run_verify
from ibid.proof.why import Step
from ibid.proof.why import why as explain
from ibid.stage.contract import BadInputError, ExitCode
from ibid.store.commits import DELETED, Commit, Store
from ibid.store.home import Home

SHOWN = 10  # files that are named where more differ

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


def verify(
    what: Annotated[
        str,
        typer.Argument(metavar="REPO@REF|FILE", help="A commit, or what ibid export has written."),
    ],
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="NAME", help="This stage alone.")
    ] = None,
    sample: Annotated[
        float, typer.Option("--sample", metavar="SHARE", min=0, max=1, help="Of many datums.")
    ] = 1,
    causes: Annotated[
        bool, typer.Option("--cause/--no-cause", help="Look for the cause of a difference.")
    ] = True,
    json: Json = False,
    pipeline: Pipeline = None,
) -> None:
    """Run what is behind a commit again, and compare every digest; exit 5 if one differs."""
    with _subject(what, pipeline) as (home, store, commit), watching() as watch:
        found = run_verify(
            home,
            store,
            commit,
            watch,
            show.say,
            say_waiting,
            only=stage,
            sample=sample,
            causes=causes,
            logs_stay=not Path(what).is_file(),
        )
        told = statement.write(store, found)
    if json:
        show.data(told)
    else:
        _show_verification(found)
    if not found.passed:
        raise typer.Exit(int(ExitCode.NOT_REPRODUCIBLE))


def why(a: Ref, b: Ref, json: Json = False, pipeline: Pipeline = None) -> None:
    """Say what differs between two commits: the first causes, and what followed from each."""
    with opened(pipeline) as (_, store):
        found = explain(store, find_commit(store, a), find_commit(store, b))
    if json:
        show.data(found.as_json())
        return
    steps = {step.repo: step for step in found.steps}
    shown: set[str] = set()
    for entered in dict.fromkeys(cause.entered for cause in found.causes):
        causes = [cause.said for cause in found.causes if cause.entered == entered]
        view = Tree(Text("\n".join(causes), style="bold"), highlight=False)
        for repo in entered:
            if repo in steps:
                _follow(view, steps, steps[repo], shown)
        show.out.print(view)
    verdict = "the same bytes" if found.same else "other bytes"
    none = "" if found.causes else ", and nothing behind them differs"
    show.say(f"{a} and {b}: {verdict}{none}.")
    if any(cause.kind == "unknown" for cause in found.causes):
        show.say(f"\n  hint: ibid verify {b}")


def _follow(view: Tree, steps: dict[str, Step], step: Step, shown: set[str]) -> None:
    """Hang what followed from a step below it."""
    line = Text(f"{step.repo}  {step.a[:12]} -> {step.b[:12]}")
    if step.same:
        line = Text(f"{step.repo}  {step.a[:12]}, the same bytes: nothing follows", style="dim")
    elif step.datums[0] != step.datums[1]:
        line.append(f"  {step.datums[0]} -> {step.datums[1]} datums")
    if step.repo in shown and not step.same:
        view.add(line.append("  as above", style="dim"))
        return
    shown.add(step.repo)
    inner = view.add(line)
    for after in steps.values():
        if step.repo in after.reads and not step.same:
            _follow(inner, steps, after, shown)


@contextmanager
def _subject(what: str, pipeline: str | None) -> Iterator[tuple[Home, Store, Commit]]:
    """Find what to verify: a file if there is one of that name, else a commit of the project."""
    if (file := Path(what)).is_file():
        with unpacked(file) as found:
            yield found
        return
    if file.suffix == ".ibid" or "/" in what:
        raise BadInputError("Expected a file that ibid export has written.", received=f"no {file}")
    with opened(pipeline) as (project, store):
        yield project.home, store, find_commit(store, what)


def _show_verification(found: Verification) -> None:
    show.table(
        ("STAGE", "VERDICT", "DATUMS", "TOOK", "ON RECORD", "NOW"),
        (
            (
                stage.commit.repo,
                str(stage.state),
                f"{stage.again} of {stage.datums}" if stage.datums else "-",
                show.duration(stage.seconds) if stage.datums else "-",
                stage.commit.tree[:12],
                (stage.found or "-")[:12],
            )
            for stage in found.stages
        ),
    )
    of = found.commit.address
    ran = [stage for stage in found.stages if stage.again]
    under = " under another environment than the cited one" if found.environment else ""
    if found.first:
        show.say(f"{of}: not reproduced{under}. First: {found.first.commit.repo}")
        for each in found.first.differences[:SHOWN]:
            show.say(f"  {each.path}: was {_short(each.then)}, is {_short(each.now)}")
        if found.first.why:
            show.say(f"  {found.first.why}")
        for line in found.inside:
            show.say(f"  in {line}")
        if found.cause:
            runs = f"{found.cause.runs} runs"
            show.say(f"Likely cause ({runs}): {found.cause.name}\n  hint: {found.cause.meaning}")
    else:
        stages = "1 stage" if len(ran) == 1 else f"{len(ran)} stages"
        parts = ", a sample of the datums" if found.sampled else ""
        effects = sum(stage.state is State.EFFECT for stage in found.stages)
        left = f"; {effects} effect{'s'[: effects != 1]} left alone" if effects else ""
        show.say(f"{of}: reproduced{under}, bit for bit: {stages} run again{parts}{left}.")


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "absent"


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
    if origin.verified:
        last = origin.verified[-1]
        word = {"PASSED": "reproduced"}.get(last["result"], "not reproduced")
        text.append(f"  {word} on {last['at'][:10]}")
    if glob != "/":
        text.append(f"  {glob}")
    if origin.code and origin.environment:
        text.append(f"  code {origin.code[:8]}, environment {origin.environment[:8]}", style="dim")
    return text
