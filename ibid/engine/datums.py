"""Datums: the units of work that globs cut the inputs into, and their keys.

How they are combined, and which are the same, is Pachyderm's: `src/server/worker/datum`.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ibid.spec.glob import replace
from ibid.spec.preimage import Digest, digest
from ibid.spec.sources import Combination, Input, Source
from ibid.spec.spec import Spec
from ibid.stage.contract import one_line
from ibid.store.commits import Commit
from ibid.store.trees import FOLDER, Entry, Trees


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder that a glob matched; `join_on` and `group_by` are filled in."""

    input: str
    repo: str
    path: str
    entry: Entry
    join_on: str = ""
    group_by: str = ""
    outer: bool = False
    empty: bool = False

    @property
    def told(self) -> list[str]:
        """Say what a stage can tell of it beside its path and its content."""
        said = {"join_on": self.join_on, "group_by": self.group_by}
        told = [f"{name} {value}" for name, value in said.items() if value]
        return [*(["empty"] if self.empty else []), *told]


@dataclass(frozen=True, slots=True)
class Datum:
    """What one execution sees. Its id names the paths; its key also their content."""

    items: tuple[Item, ...]

    @property
    def id(self) -> Digest:
        """Identity by paths: the same datum in the next job has the same id."""
        return digest("datum", [[item.input, item.repo, item.path] for item in self.items])

    @property
    def label(self) -> str:
        """The path that tells it from its neighbours, for people."""
        told = (item.path for item in self.items if item.path != "/" and item.input != "params")
        return one_line(next(told, "/"))

    def key(self, spec: Spec, code: Digest, environment: Digest) -> Digest:
        """Everything that can change the result, and nothing else."""
        inputs = [
            # A link to an empty file gives what the file holds, so that its content counts too.
            [i.input, i.path, i.entry.kind, i.entry.digest, *i.told]
            for i in self.items
        ]
        return digest(
            "key",
            {
                "spec": spec.meaning(),
                "inputs": sorted(inputs),
                "code": code,
                "environment": environment,
            },
        )


def expand(part: Input, heads: Mapping[str, Commit], trees: Trees) -> list[Datum]:
    """Cut input commits into datums.

    Args:
        part: the spec's input.
        heads: the commit of each repo that it names; a repo without one gives no datum.
        trees: where to look for their files.
    """
    if isinstance(part, Source):
        commit = heads.get(part.repo)
        return [Datum((item,)) for item in _match(part, commit, trees)] if commit else []
    inner = [expand(each, heads, trees) for each in part.parts]
    return _combine(part, inner)


def _combine(part: Combination, inner: list[list[Datum]]) -> list[Datum]:
    if part.kind == "cross":
        return [_together(d.items for d in datums) for datums in itertools.product(*inner)]
    if part.kind == "union":
        return _once(itertools.chain(*inner))
    if part.kind == "join":
        return _once(_joined(inner))
    return _grouped(inner)


def _match(source: Source, commit: Commit, trees: Trees) -> list[Item]:
    if source.glob.depth == 0:
        root = Entry("", FOLDER, commit.tree, commit.size)
        return [_item(source, "/", root, ())]
    found = trees.walk(commit.tree, depth=source.glob.depth)
    matches = ((path, entry, source.glob.match(path)) for path, entry in found)
    return [
        _item(source, path, entry, groups) for path, entry, groups in matches if groups is not None
    ]


def _item(source: Source, path: str, entry: Entry, groups: tuple[str, ...]) -> Item:
    return Item(
        source.name,
        source.repo,
        path,
        entry,
        join_on=replace(source.join_on, groups),
        group_by=replace(source.group_by, groups),
        outer=source.outer,
        empty=source.empty,
    )


def _together(several: Iterable[Iterable[Item]]) -> Datum:
    return Datum(tuple(itertools.chain(*several)))


def _once(datums: Iterable[Datum]) -> list[Datum]:
    """Leave out what is there already: a datum that two parts of a union give is one."""
    return [*{datum.id: datum for datum in datums}.values()]


def _joined(inner: list[list[Datum]]) -> Iterable[Datum]:
    """Cross what has one value of `join_on`, where every part has it; else keep the outer ones.

    As in Pachyderm the files of a combination within a join are joined one by one.
    """
    parts = [
        _by_value((item, item.join_on) for d in datums for item in d.items) for datums in inner
    ]
    for value in sorted({value for part in parts for value in part}):
        there = [part[value] for part in parts if value in part]
        for items in itertools.product(*there):
            kept = items if len(items) == len(parts) else [item for item in items if item.outer]
            if kept:
                yield Datum(tuple(kept))


def _grouped(inner: list[list[Datum]]) -> list[Datum]:
    """Put together what has one value of `group_by`, file by file as Pachyderm does."""
    items = (item for datums in inner for datum in datums for item in datum.items)
    groups = _by_value((item, item.group_by) for item in items)
    return [Datum(tuple(groups[value])) for value in sorted(groups)]


def _by_value(valued: Iterable[tuple[Item, str]]) -> dict[str, list[Item]]:
    groups: dict[str, dict[Item, None]] = {}
    for item, value in valued:
        groups.setdefault(value, {})[item] = None
    return {value: [*items] for value, items in groups.items()}
