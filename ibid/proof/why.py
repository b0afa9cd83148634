"""Why two commits differ: the first causes, and what followed from them.

It goes by what the records of both cite, from the inputs down to the commits; it runs nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ibid.engine.changes import environment_differences, fixed_part, flat_differences, verb
from ibid.proof.lineage import Given, Origin, lineage
from ibid.spec.preimage import Digest
from ibid.stage.contract import UsageError
from ibid.store.commits import Commit, Store
from ibid.store.trees import FOLDER, Entry

SHOWN = 6  # files of one cause that are named, where more changed


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that differs and that nothing before it made so.

    `said` is the whole of it for people, `kind` one of input, params, code, environment, spec,
    unknown, in_force; `entered` names the pipelines that were given it.
    """

    kind: str
    said: str
    entered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A pipeline whose output was made anew on the way: its digest there and here."""

    repo: str
    a: Digest
    b: Digest
    datums: tuple[int, int]
    reads: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it gave the same bytes all the same, so that nothing follows from it."""
        return self.a == self.b


@dataclass(frozen=True, slots=True)
class Why:
    """The causes, in the order of the DAG, and the steps that they led to, in that order too."""

    a: str
    b: str
    same: bool
    causes: tuple[Cause, ...]
    steps: tuple[Step, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def why(store: Store, a: Commit, b: Commit) -> Why:
    """Compare what is behind two commits of one repo.

    Args:
        store: holds both, and their records.
        a: the one that is taken as before.
        b: the one that is taken as after.

    Raises:
        UsageError: if they are of two repos.
    """
    if a.repo != b.repo:
        raise UsageError(
            "Expected two commits of one repo.",
            received=f"{a.address} and {b.address}",
            hint=f"ibid why {a.repo}@master^ {a.repo}@master",
        )
    return _Why(store, a, b).explain()


class _Why:
    def __init__(self, store: Store, a: Commit, b: Commit) -> None:
        self._store, self._a, self._b = store, a, b
        self._before, self._after = lineage(store, a), lineage(store, b)
        self._causes: dict[tuple[str, str], list[str]] = {}  # (kind, said): pipelines
        self._steps: dict[str, Step] = {}

    def explain(self) -> Why:
        before, after = (each.origins[each.of] for each in (self._before, self._after))
        if after.inputs and before.inputs:
            self._compare(before, after)
        elif before.digest != after.digest:
            given = [Given(o.repo, o.repo, o.commit, o.digest, "/") for o in (before, after)]
            for kind, said in self._input_differences(*given):
                self._add(kind, said, after.repo)
        causes = tuple(
            Cause(kind, said, tuple(dict.fromkeys(entered)))
            for (kind, said), entered in self._causes.items()
        )
        same = self._a.tree == self._b.tree
        return Why(
            f"{self._a.repo}@{self._a.id}",
            f"{self._b.repo}@{self._b.id}",
            same,
            causes,
            tuple(self._steps.values()),
        )

    def _compare(self, a: Origin, b: Origin) -> None:
        """Compare two outputs of one pipeline, what is behind them first."""
        if a.address == b.address or b.repo in self._steps:
            return
        then, now = _by_name(a.inputs), _by_name(b.inputs)
        for name in [*now, *(name for name in then if name not in now)]:
            self._compare_input(b.repo, name, then.get(name), now.get(name))
        self._compare_own(a, b)
        reads = tuple(dict.fromkeys(given.repo for given in b.inputs))
        step = Step(b.repo, a.digest, b.digest, (a.datums or 0, b.datums or 0), reads)
        led = any(repo in self._steps and not self._steps[repo].same for repo in reads)
        led |= any(b.repo in entered for entered in self._causes.values())
        if not step.same and not led:
            said = f"{b.repo}: other bytes from the same inputs, code, parameters and environment"
            self._add("unknown", said, b.repo)
            for line in _in_force_differences(a, b):
                self._add("in_force", f"{b.repo}: in force {line}", b.repo)
        if led or not step.same:
            self._steps[b.repo] = step

    def _compare_input(
        self, pipeline: str, name: str, then: Given | None, now: Given | None
    ) -> None:
        if then is None or now is None:
            word = "is a new input" if then is None else "is no longer an input"
            self._add("spec", f"{pipeline}: {name} {word}", pipeline)
            return
        a, b = self._before.origins[then.address], self._after.origins[now.address]
        if b.inputs and a.inputs and a.repo == b.repo:
            self._compare(a, b)
        elif then.digest != now.digest or then.repo != now.repo:
            for kind, said in self._input_differences(then, now):
                self._add(kind, said, pipeline)

    def _input_differences(self, then: Given, now: Given) -> Iterator[tuple[str, str]]:
        """Say what people changed in an input repo, of what the pipeline is given of it."""
        objects, trees = self._store.objects, self._store.trees
        if then.digest not in objects or now.digest not in objects:
            yield "input", f"{now.repo} changed; what it was is not in the store any more"
            return
        place = fixed_part(now.glob)
        old, new = trees.find(then.digest, place), trees.find(now.digest, place)
        if old is None or new is None:
            yield "input", f"{now.repo}{place} {'is new' if new else 'is gone'}"
        elif old.digest != new.digest and place.endswith(".json") and old.digest in objects:
            values = [json.loads(objects.read(entry.digest)) for entry in (old, new)]
            for line in flat_differences(*values):
                yield "params" if now.repo == "params" else "input", f"{now.repo}{place}: {line}"
        elif old.digest != new.digest:
            for line in self._tree_differences(now.repo, old, new):
                yield "input", line

    def _tree_differences(self, repo: str, old: Entry, new: Entry) -> Iterator[str]:
        """Say which entries at the top of an input came, went or changed, with their files."""
        if old.kind != FOLDER or new.kind != FOLDER:
            yield f"{repo}: {new.name} changed"
            return
        counts: dict[tuple[str, str], int] = {}
        for path, then, now in self._store.trees.compare(old.digest, new.digest):
            key = (path.split("/")[1], verb(then, now))
            counts[key] = counts.get(key, 0) + 1
        signs = {"is new": "+", "is gone": "-", "changed": "~"}
        lines = [
            f"{repo}: {signs[word]}{name}" + (f" ({count} files)" if count > 1 else "")
            for (name, word), count in sorted(counts.items())
        ]
        yield from lines[:SHOWN]
        if len(lines) > SHOWN:
            yield f"{repo}: and {len(lines) - SHOWN} more"

    def _compare_own(self, a: Origin, b: Origin) -> None:
        """Compare code, environment and spec of one pipeline."""
        objects = self._store.objects
        records = [json.loads(self._commit(o).provenance) for o in (a, b)]
        if a.code != b.code and a.code and b.code:
            for line in self._code_differences(a.code, b.code):
                self._add("code", line, b.repo)
        if a.environment != b.environment:
            told = [json.loads(objects.read(r["environment_record"])) for r in records]
            for line in environment_differences(*told):
                self._add("environment", line, b.repo)
        if records[0]["spec"] != records[1]["spec"]:
            for line in flat_differences(records[0]["spec"], records[1]["spec"]):
                self._add("spec", f"{b.repo}: spec {line}", b.repo)

    def _code_differences(self, a: Digest, b: Digest) -> Iterator[str]:
        changed = sorted(self._store.trees.compare(a, b), key=lambda change: change[0])
        for path, then, now in changed[:SHOWN]:
            yield f"{path.lstrip('/')} {verb(then, now)}"
        if len(changed) > SHOWN:
            yield f"and {len(changed) - SHOWN} more files of code"

    def _commit(self, origin: Origin) -> Commit:
        return self._store.resolve(origin.repo, origin.commit)

    def _add(self, kind: str, said: str, pipeline: str) -> None:
        self._causes.setdefault((kind, said), []).append(pipeline)


def _in_force_differences(a: Origin, b: Origin) -> Iterator[str]:
    """Say how what a process found in force differs from what one found before, if any does."""
    before = [told for told in a.in_force if told not in b.in_force]
    after = [told for told in b.in_force if told not in a.in_force]
    if before and after:
        yield from flat_differences(before[0], after[0])


def _by_name(inputs: tuple[Given, ...]) -> dict[str, Given]:
    """Index inputs; parts of a union may share a name, and are told by what they read."""
    names = [given.name for given in inputs]
    return {
        given.name
        if names.count(given.name) == 1
        else f"{given.name} ({given.repo}{given.glob})": given
        for given in inputs
    }
