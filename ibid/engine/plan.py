"""What would run, and why: which part of which key changed since the newest output."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ibid.engine.changes import differences, is_as_before
from ibid.engine.project import Project
from ibid.engine.work import Work, gather
from ibid.spec.sources import missing
from ibid.spec.spec import Spec
from ibid.store.commits import Commit, Store
from ibid.store.trees import EMPTY


class State(StrEnum):
    """Where a pipeline stands."""

    CURRENT = "current"
    RUN = "would run"
    FOLLOWS = "follows"
    WAITS = "waits"
    SERVICE = "service"


@dataclass(frozen=True)
class Step:
    """One pipeline's place in the plan."""

    spec: Spec
    state: State
    reasons: tuple[str, ...] = ()
    work: Work | None = field(default=None, repr=False)


Heads = Mapping[str, Commit | None]


def input_heads(project: Project, store: Store) -> Heads:
    """Read the newest commit of every input repo: a plan, and a run, is over one such set.

    One that holds nothing is none: a cron that has not ticked yet.
    """
    heads = {repo: store.head(repo) for repo in project.inputs}
    return {repo: None if head and head.tree == EMPTY else head for repo, head in heads.items()}


def plan(project: Project, store: Store) -> list[Step]:
    """Say of each pipeline, in the order of the DAG, what a run would do."""
    with store.lock.shared():  # the code as it is goes into the store, and nothing cites it yet
        return _plan(project, store)


def _plan(project: Project, store: Store) -> list[Step]:
    inputs = input_heads(project, store)
    steps: dict[str, Step] = {}
    for spec in project.specs.values():
        ahead = [
            source.repo
            for source in spec.sources
            if source.repo in steps and steps[source.repo].state in (State.RUN, State.FOLLOWS)
        ]
        step = assess(project, store, spec, inputs)
        # What follows a change may still be spared it, unless something of its own has changed.
        if ahead and step.state in (State.CURRENT, State.WAITS):
            step = Step(spec, State.FOLLOWS, tuple(dict.fromkeys(ahead)))
        steps[spec.name] = step
    return list(steps.values())


def assess(project: Project, store: Store, spec: Spec, inputs: Heads) -> Step:
    """Compare one pipeline's key with its newest output's.

    Args:
        project: the project.
        store: its store.
        spec: the pipeline.
        inputs: the commits of the input repos to go by; of outputs the newest is taken.
    """
    if spec.port is not None:
        return Step(spec, State.SERVICE, (f"ibid service {spec.name}",))
    repos = [source.repo for source in spec.sources]
    heads = {repo: inputs[repo] if repo in inputs else store.head(repo) for repo in repos}
    heads = {repo: None if head and head.gone else head for repo, head in heads.items()}
    if lacking := missing(spec.input, heads):
        return Step(spec, State.WAITS, lacking)
    work = gather(project, store, spec, {repo: head for repo, head in heads.items() if head})
    newest = store.head(spec.name)
    if newest is None:
        return Step(spec, State.RUN, ("no output yet",), work)
    if newest.gone:
        return Step(spec, State.RUN, (f"the newest output is {newest.fate}",), work)
    before = json.loads(newest.provenance)
    if is_as_before(before, work, project.requests[spec.name]) or before["key"] == work.key:
        return Step(spec, State.CURRENT, (), work)
    return Step(spec, State.RUN, tuple(differences(before, work)), work)
