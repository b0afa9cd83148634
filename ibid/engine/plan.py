"""What would run, and why: which part of which key changed since the newest output."""

import json
from dataclasses import dataclass, field
from enum import StrEnum

from ibid.engine.changes import differences
from ibid.engine.project import Project
from ibid.engine.work import Work, gather
from ibid.spec.spec import Spec
from ibid.store.commits import Store


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


def plan(project: Project, store: Store) -> list[Step]:
    """Say of each pipeline, in the order of the DAG, what a run would do."""
    steps: dict[str, Step] = {}
    for spec in project.specs.values():
        ahead = [
            source.repo
            for source in spec.sources
            if source.repo in steps and steps[source.repo].state in (State.RUN, State.FOLLOWS)
        ]
        if ahead and spec.port is None:
            steps[spec.name] = Step(spec, State.FOLLOWS, tuple(dict.fromkeys(ahead)))
        else:
            steps[spec.name] = assess(project, store, spec)
    return list(steps.values())


def assess(project: Project, store: Store, spec: Spec) -> Step:
    """Compare one pipeline's key, over its inputs as they are, with its newest output's."""
    if spec.port is not None:
        return Step(spec, State.SERVICE, (f"ibid service {spec.name}",))
    heads = {source.repo: store.head(source.repo, source.branch) for source in spec.sources}
    missing = tuple(repo for repo, head in heads.items() if head is None)
    if missing:
        return Step(spec, State.WAITS, missing)
    work = gather(project, store, spec, {repo: head for repo, head in heads.items() if head})
    newest = store.head(spec.name)
    if newest is None:
        return Step(spec, State.RUN, ("no output yet",), work)
    before = json.loads(newest.provenance)
    if before["key"] == work.key:
        return Step(spec, State.CURRENT, (), work)
    return Step(spec, State.RUN, tuple(differences(before, work)), work)
