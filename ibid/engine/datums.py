"""Datums: the units of work that globs cut the inputs into, and their keys."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from ibid.spec.preimage import Digest, digest
from ibid.spec.spec import Combination, Source, Spec
from ibid.stage.contract import one_line
from ibid.store.commits import Commit
from ibid.store.trees import FOLDER, Entry, Trees


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder that a glob matched."""

    input: str
    repo: str
    path: str
    entry: Entry
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Datum:
    """What one execution sees. Its id names the paths; its key also their content."""

    items: tuple[Item, ...]

    @property
    def id(self) -> Digest:
        """Identity by paths: the same datum in the next job has the same id."""
        return digest("datum", [[item.input, item.path] for item in self.items])

    @property
    def label(self) -> str:
        """The path that tells it from its neighbours, for people."""
        told = (item.path for item in self.items if item.path != "/" and item.input != "params")
        return one_line(next(told, "/"))

    def key(self, spec: Spec, code: Digest, environment: Digest) -> Digest:
        """Everything that can change the result, and nothing else."""
        inputs = [[i.input, i.path, i.entry.kind, i.entry.digest] for i in self.items]
        return digest(
            "key",
            {
                "spec": spec.meaning(),
                "inputs": sorted(inputs),
                "code": code,
                "environment": environment,
            },
        )


def expand(part: Source | Combination, heads: Mapping[str, Commit], trees: Trees) -> list[Datum]:
    """Cut input commits into datums.

    Args:
        part: the spec's input.
        heads: the commit of each repo that it names.
        trees: where to look for their files.
    """
    if isinstance(part, Source):
        return [Datum((item,)) for item in _match(part, heads[part.repo], trees)]
    inner = [expand(each, heads, trees) for each in part.parts]
    if part.kind == "cross":
        return [_union(*combination) for combination in itertools.product(*inner)]
    return _grouped(part, inner)


def _match(source: Source, commit: Commit, trees: Trees) -> list[Item]:
    if source.glob.depth == 0:
        root = Entry("", FOLDER, commit.tree, commit.size)
        return [Item(source.name, source.repo, "/", root, ())]
    found = trees.walk(commit.tree, depth=source.glob.depth)
    matches = ((path, entry, source.glob.match(path)) for path, entry in found)
    return [
        Item(source.name, source.repo, path, entry, groups)
        for path, entry, groups in matches
        if groups is not None
    ]


def _union(*datums: Datum) -> Datum:
    return Datum(tuple(item for datum in datums for item in datum.items))


def _grouped(part: Combination, inner: list[list[Datum]]) -> list[Datum]:
    """Put together what has one value of `group_by`."""
    groups: dict[str, list[Datum]] = {}
    for each, datums in zip(part.parts, inner, strict=True):
        for datum in datums:
            groups.setdefault(_group_value(each, datum), []).append(datum)
    return [_union(*groups[value]) for value in sorted(groups)]


def _group_value(part: Source | Combination, datum: Datum) -> str:
    value = part.group_by if isinstance(part, Source) else ""
    for number, group in enumerate(datum.items[0].groups, start=1):
        value = value.replace(f"${number}", group)
    return value
