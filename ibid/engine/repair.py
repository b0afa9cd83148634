"""Mend a store: set damaged bytes aside, fetch or make again what is lost, say what cannot be.

An output is made again from the inputs and the code that it cites, and counts as mended only if its
digest is the one on record. An input comes back only from where it came.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ibid.engine import closure, scratch
from ibid.engine.events import Watch
from ibid.engine.execution import Execution, Task
from ibid.engine.project import Project
from ibid.engine.purge import stray_logs
from ibid.engine.record import cited
from ibid.engine.slots import Slots, cores
from ibid.engine.work import Work, recorded, recorded_spec
from ibid.spec.preimage import Digest, digest_bytes
from ibid.stage.canonical import json_bytes
from ibid.stage.contract import IbidError
from ibid.store.commits import Commit, Store
from ibid.store.doctor import (
    DAMAGED,
    MISSING,
    Finding,
    Health,
    database_findings,
    examine,
    find_paths,
)
from ibid.store.home import Waiting
from ibid.store.jobs import Jobs
from ibid.store.reach import Below, everywhere, reached, result_roots

_BROKEN = (
    "the database: put a backup of it in its place, or begin anew in another IBID_HOME with "
    "ibid pull or ibid import; the objects are as they were"
)
Fetch = Callable[[frozenset[Digest]], list[str]]


@dataclass(frozen=True, slots=True)
class Repair:
    """What was wrong, what was done about it, what is wrong still and why."""

    before: Health
    after: Health
    done: tuple[str, ...]
    cannot: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def look(project: Project, store: Store) -> Health:
    """Examine the store and what lies beside it; changes nothing."""
    if broken := database_findings(store):
        return Health(0, 0, broken)
    with store.lock.alone_if_free() as alone:
        left = store.objects.incoming() if alone else []  # else somebody writes it now
    with project.home.run_lock_if_free() as free:
        if free:
            left += [*scratch.leftovers(project.home), *stray_logs(project, store)]
        else:  # an audit's logs, say, are somebody's now
            left += scratch.abandoned()
    return examine(store, cited, left)


def repair(
    project: Project, store: Store, fetch: Fetch | None, watch: Watch, waiting: Waiting
) -> Repair:
    """Mend what can be mended.

    Args:
        project: the project; its own files may hold code and specs that are lost.
        store: its store. Outputs of other projects of the home are not made again.
        fetch: puts lost objects into the store from somewhere else, as far as they are there; says
            what is wrong there.
        watch: is told how the jobs that are done again go on.
        waiting: is told for whom this waits.
    """
    with project.home.run_lock(waiting), store.lock.alone():
        if broken := database_findings(store):
            health = Health(0, 0, broken)
            return Repair(health, health, (), (_BROKEN,))
        before = _look_alone(project, store)
        done = [*_set_aside(project, store, before), *_clear(project, store)]
        cannot: list[str] = []
        if before.lost and fetch:
            done += [f"fetched {digest}" for digest in _fetch_all(store, fetch, cannot)]
        if lost := _missing(store):
            _write_own_files(project, store)
            _write_environments(project, store, lost)
            lost = _missing(store)
        done += _drop_results(store, lost)
        for commit in _hurt_outputs(store, lost):
            try:
                _make_again(project, store, commit, watch)
                done.append(f"made {commit.address} again, with the digest that it had")
            except IbidError as error:
                cannot.append(
                    f"{commit.address} cannot be made again: {error.message}"
                    + (f" ({error.received})" if error.received is not None else "")
                )
        cannot += _lost_inputs(store, _missing(store))
        scratch.clear(project.home)
        after = _look_alone(project, store)
        cannot += [_told(finding) for finding in _untold(after, cannot)]
        return Repair(before, after, tuple(done), tuple(cannot))


def _look_alone(project: Project, store: Store) -> Health:
    """Examine as `look` does, where nobody else can be at work."""
    left = [*store.objects.incoming(), *scratch.leftovers(project.home)]
    return examine(store, cited, [*left, *stray_logs(project, store)])


def _missing(store: Store) -> frozenset[Digest]:
    """List what is cited and not there, as far as folders can be read."""
    present = store.objects  # whatever their bytes: the damaged ones were set aside
    return frozenset(d for d in reached(store, cited, within=present) if d not in present)


def _fetch_all(store: Store, fetch: Fetch, wrong: list[str]) -> list[Digest]:
    """Fetch until no more comes: what a lost folder holds is known once it is back."""
    fetched: list[Digest] = []
    while lost := _missing(store):
        wrong[:] = fetch(lost)
        if not (came := sorted(lost - _missing(store))):
            break
        fetched += came
    return fetched


def _set_aside(project: Project, store: Store, health: Health) -> Iterator[str]:
    for digest in sorted(health.damaged):
        project.home.quarantine.mkdir(exist_ok=True)
        store.objects.path(digest).rename(project.home.quarantine / digest)
        yield f"set the damaged bytes of {digest} aside in {project.home.quarantine}"


def _clear(project: Project, store: Store) -> Iterator[str]:
    left = [*store.objects.incoming(), *stray_logs(project, store)]
    for path in (*left, *scratch.leftovers(project.home)):
        scratch.remove(path)
        yield f"removed {path}"


def _write_own_files(project: Project, store: Store) -> None:
    """Store what the project itself has: its code, its specs, what its inputs begin with."""
    for spec in project.specs.values():
        store.trees.write_files(closure.resolve(project.root, spec))
    for request in project.requests.values():
        store.objects.put_bytes(request)
    for repo in project.inputs.values():
        if repo["initial"]:
            store.trees.add(project.folder / repo["initial"])


def _write_environments(project: Project, store: Store, lost: frozenset[Digest]) -> None:
    """Store the environments of now that are those on record."""
    for commit in (commit for repo in store.repos() for commit in store.history(repo)):
        if lost.intersection(cited(commit.provenance).objects):
            with contextlib.suppress(IbidError):  # its inputs are lost too: it is told at the end
                described = json_bytes(_work(project, store, commit).environment)
                if digest_bytes(described) in lost:
                    store.objects.put_bytes(described)


def _drop_results(store: Store, lost: frozenset[Digest]) -> Iterator[str]:
    below = Below(store.trees, lost, store.objects)
    trees = [root.tree for root in result_roots(store) if below(root.tree)]
    with store.database.transaction():
        store.database.execute_many("DELETE FROM results WHERE tree = ?", [(t,) for t in trees])
    if trees:
        yield f"dropped {len(trees)} cached results that were hurt"


def _hurt_outputs(store: Store, lost: frozenset[Digest]) -> list[Commit]:
    """List the outputs that hang on what is lost, each after what it was made from."""
    below = Below(store.trees, lost, store.objects)
    commits = {(c.repo, c.id): c for repo in store.repos() for c in store.history(repo)}
    ordered: dict[tuple[str, str], Commit] = {}

    def visit(name: tuple[str, str]) -> None:
        if name in commits and name not in ordered:
            for cause in cited(commits[name].provenance).causes:
                visit((cause.repo, cause.commit))
            ordered[name] = commits[name]

    for name in commits:
        visit(name)
    return [
        commit
        for commit in ordered.values()
        if not commit.gone and cited(commit.provenance).trees and below(commit.tree)
    ]


def _make_again(project: Project, store: Store, commit: Commit, watch: Watch) -> None:
    """Run the job of a commit again; raises IbidError unless it gives the digest on record."""
    spec = recorded_spec(store, commit)
    if spec.effect:
        raise IbidError("It acted on the world, and that is never done again.")
    work = _work(project, store, commit)
    store.objects.put_bytes(json_bytes(work.environment))
    known = Jobs(store).results(work.keys)
    pairs = zip(work.datums, work.keys, strict=True)
    # The record of its job stays as it is; a commit that came from elsewhere has none here.
    execution = Execution(project.home, work, commit.id, Slots(cores()), watch, keep=False)
    if tasks := [Task(datum, key) for datum, key in pairs if key not in known]:
        execution.run(tasks)
    Jobs(store).record(spec.name, commit.id, (), execution.results)
    if Jobs(store).get(spec.name, commit.id) is None and execution.logs.exists():
        scratch.remove(execution.logs)
    if execution.failures:
        datum, outcome = execution.failures[0]
        raise IbidError(f"Its datum {datum.label} fails now.", received=outcome.error)
    known |= {result.key: result for result in execution.results}
    tree = store.trees.merge(known[key].tree for key in work.keys if key in known)
    store.objects.sync()
    if tree.digest != commit.tree:
        raise IbidError("It gives other bytes now.", received=f"{tree.digest}, was {commit.tree}")


def _work(project: Project, store: Store, commit: Commit) -> Work:
    """Gather what an output was made from; raises IbidError if that is not all there."""
    heads = {c.repo: store.get(c.repo, c.commit) for c in cited(commit.provenance).causes}
    if missing := [repo for repo, head in heads.items() if head is None or head.gone]:
        raise IbidError("What it was made from is gone.", received=", ".join(missing))
    # Under the environment of now: a result is kept under the key that it was really made with.
    return recorded(project.home, store, commit, {r: head for r, head in heads.items() if head})


def _untold(health: Health, cannot: Sequence[str]) -> Iterator[Finding]:
    """List what is wrong still and was not named with an output or an input that it hurts."""
    for finding in health.wrong:
        is_object = finding.kind in (DAMAGED, MISSING)
        if not (is_object and any(line.startswith(finding.hurts) for line in cannot)):
            yield finding


def _told(finding: Finding) -> str:
    if finding.kind not in (DAMAGED, MISSING):
        return f"{finding.subject}: {finding.detail}"
    return (
        f"{finding.subject}, {', '.join(finding.hurts)}, is nowhere here: it comes back only from "
        "a remote (--remote URL) or with ibid import"
    )


def _lost_inputs(store: Store, lost: frozenset[Digest]) -> Iterator[str]:
    """Name the lost files of inputs, and where each came from."""
    told: set[Digest] = set()
    for each, commit in everywhere(store):
        if commit.gone or cited(commit.provenance).trees:
            continue
        places = [("/", commit.tree)] if commit.tree in lost else []
        for path, digest in places or find_paths(each.trees, commit.tree, lost):
            if digest not in told:
                told.add(digest)
                yield (
                    f"{commit.address}:{path} was put there by somebody, and comes back only from "
                    f"them or a remote: ibid put {commit.repo} with the same bytes mends it"
                )
