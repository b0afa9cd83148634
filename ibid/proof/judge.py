"""Compare what a stage gave now with what is on record of it: files, digests, exit codes."""

import json
from collections.abc import Sequence

from ibid.engine.again import Again
from ibid.engine.execution import Task
from ibid.engine.work import Work
from ibid.proof.verdict import Difference, Stage, State
from ibid.spec.preimage import Digest
from ibid.store.commits import Commit, Store
from ibid.store.jobs import Jobs
from ibid.store.trees import FILE, Entry


def judge(
    store: Store,
    commit: Commit,
    work: Work,
    drawn: Sequence[Task],
    found: Again,
    seconds: float,
) -> Stage:
    """Compare what came out of a commit's job, or of some of its datums, with the commit.

    Args:
        store: holds the commit, and what came out.
        commit: as it is on record.
        work: its job.
        drawn: the datums of it that were run again.
        found: what came of them.
        seconds: that they took.
    """
    trees = store.trees
    made = [found.results[task.key].tree for task in drawn if task.key in found.results]
    count = len(work.datums)
    whole = len(drawn) == count
    tree = trees.merge(made).digest if whole and not found.failures else None
    why = [f"fails now: {error.strip()}" for error in found.failures.values()][:1]
    code, then = _code(found), json.loads(commit.provenance)["exit_code"]
    if whole and not why and code != then:
        why.append(f"exit code: was {then}, is {code}")
    if whole and tree:
        differing = [_difference(*each) for each in trees.compare(commit.tree, tree)]
    else:
        differing = _compare_parts(store, commit, work, drawn, found)
    differing.sort(key=lambda each: each.path)
    state = State.OTHER if differing or why else State.SAME
    return Stage(
        commit,
        state,
        count,
        len(drawn),
        seconds,
        tree,
        tuple(differing),
        "; ".join(why),
        found.weaker,
        found.in_force,
    )


def _compare_parts(
    store: Store, commit: Commit, work: Work, drawn: Sequence[Task], found: Again
) -> list[Difference]:
    """Compare what single datums gave with the commit, file by file.

    Which files should have come out only a cached result tells: of a datum that has none, those
    that came out then and not now are not missed.
    """
    told = json.loads(commit.provenance)
    keys = {t.key: t.datum.key(work.spec, told["code"], told["environment"]) for t in drawn}
    known = Jobs(store).results(keys.values())
    trees, differing = store.trees, list[Difference]()
    for key, result in found.results.items():
        for path, now in trees.walk(result.tree):
            then = trees.find(commit.tree, path)
            if now.kind == FILE and (then is None or then.digest != now.digest):
                differing.append(_difference(path, then, now))
        if cached := known.get(keys[Digest(key)]):
            for path, _, still in trees.compare(cached.tree, result.tree):
                if still is None and (then := trees.find(commit.tree, path)):
                    differing.append(_difference(path, then, None))
    return differing


def _difference(path: str, then: Entry | None, now: Entry | None) -> Difference:
    return Difference(path, then.digest if then else None, now.digest if now else None)


def _code(found: Again) -> int:
    return max((result.code for result in found.results.values()), default=0)
