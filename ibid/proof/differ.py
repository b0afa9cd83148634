"""Ask a stage's own differ where two of its outputs differ: what Ibid cannot know of their files.

A differ is a module that the pipeline declares, a stage like any other: its inputs are `then` and
`now`, its output `differences.json`, a list of lines. It is in the code closure of its component.
"""

import json
from collections.abc import Callable
from dataclasses import replace

from ibid.engine.again import run_again
from ibid.engine.datums import Datum, Item
from ibid.engine.execution import Task
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.spec.preimage import Digest
from ibid.stage.contract import printable
from ibid.store.commits import new_id
from ibid.store.home import Home
from ibid.store.trees import FILE, FOLDER, Entry

OUTPUT = "/differences.json"


def ask(
    home: Home, work: Work, then: Digest, now: Digest, stopped: Callable[[], bool]
) -> list[str]:
    """Run the differ of a job on two of its outputs; returns its lines, none if it has none."""
    if work.spec.differ is None:
        return []
    spec = replace(
        work.spec,
        cmd=("python", "-m", work.spec.differ),
        stdin=(),
        err_cmd=(),
        batching=False,
        accept=frozenset({0}),
        env={name: value for name, value in work.spec.env.items() if name.startswith("PYTHON")},
    )
    repo = next(iter(work.heads))
    outputs = {"then": then, "now": now}
    datum = Datum(
        tuple(Item(name, repo, "/", Entry("", FOLDER, d, 0)) for name, d in outputs.items())
    )
    task = Task(datum, Digest("differ"))
    found = run_again(
        home, replace(work, spec=spec), new_id(), [task], Slots(1), lambda _: None, stopped
    )
    found.forget()
    if not found.results:
        reasons = [*found.failures.values(), *found.open.values()]
        return [f"{work.spec.differ} failed: {reason.strip()}" for reason in reasons]
    entry = work.store.trees.find(found.results[task.key].tree, OUTPUT)
    if entry is None:
        return [f"{work.spec.differ} wrote no {OUTPUT.strip('/')}"]
    lines = _lines(work.store.objects.read(entry.digest)) if entry.kind == FILE else None
    if lines is None:
        return [f"{work.spec.differ} wrote no list of lines to {OUTPUT.strip('/')}"]
    return lines


def _lines(text: bytes) -> list[str] | None:
    """Read what a differ wrote; None if it is not what it should be."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, list) or not all(isinstance(line, str) for line in told):
        return None
    return [printable(line) for line in told]
