"""Where a spec's datums come from: its inputs, one by one, and how they are combined.

`lazy` changes how a cluster brings the files, not what they are; `empty_files` changes what a stage
sees. What else Pachyderm knows of an input is refused by its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ibid.spec.glob import Glob, compile_glob, refuse_dangling
from ibid.stage.contract import UsageError

KINDS = ("pfs", "cross", "union", "join", "group", "cron")
BRANCH = "master"
_PFS = {
    *("repo", "name", "glob", "branch"),
    *("group_by", "join_on", "outer_join", "lazy", "empty_files"),
}
_CRON = {"name", "repo", "spec", "start", "overwrite"}


@dataclass(frozen=True, slots=True)
class Cron:
    """When a cron ticks: its expression, from when on, and whether a tick replaces the others."""

    spec: str
    start: str | None
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Source:
    """One `pfs` or `cron` input; each tick of a cron is a file, and a datum, of its repo."""

    name: str
    repo: str
    glob: Glob
    group_by: str = ""
    join_on: str = ""
    outer: bool = False
    empty: bool = False
    lazy: bool = False
    cron: Cron | None = None


@dataclass(frozen=True, slots=True)
class Combination:
    """Inputs combined: `cross`, `union`, `join` or `group`."""

    kind: str
    parts: tuple["Input", ...]


Input = Source | Combination


def read_input(pipeline: str, value: Mapping[str, Any]) -> Input:
    """Read an input in snake_case; raises UsageError for what is unknown here."""
    kind = next(iter(value), "nothing")
    if len(value) != 1 or kind not in KINDS:
        raise UsageError(
            f"Expected the input of '{pipeline}' to be one of {', '.join(KINDS)}.",
            received=", ".join(value) or kind,
        )
    inner = value[kind]
    if kind == "pfs":
        return _pfs(pipeline, inner)
    if kind == "cron":
        return _cron(pipeline, inner)
    return Combination(kind, tuple(read_input(pipeline, part) for part in inner))


def leaves(part: Input) -> Iterator[Source]:
    """List the sources, left to right."""
    if isinstance(part, Source):
        yield part
    else:
        for inner in part.parts:
            yield from leaves(inner)


def kinds(part: Input) -> set[str]:
    """Name the ways in which an input is combined."""
    if isinstance(part, Source):
        return set()
    return {part.kind}.union(*(kinds(inner) for inner in part.parts))


def missing(part: Input, heads: Mapping[str, object]) -> tuple[str, ...]:
    """Name the repos without a commit that keep an input from giving any datum; else none.

    A union or a group does with one of its parts, a join with one whose `outer_join` is set.
    """
    if isinstance(part, Source):
        return () if heads.get(part.repo) else (part.repo,)
    lacking = [missing(inner, heads) for inner in part.parts]
    there = [inner for inner, repos in zip(part.parts, lacking, strict=True) if not repos]
    enough = part.kind in ("union", "group") and there
    outer = part.kind == "join" and any(leaf.outer for inner in there for leaf in leaves(inner))
    if enough or outer:
        return ()
    return tuple(dict.fromkeys(repo for repos in lacking for repo in repos))


def cron_repo(pipeline: str, name: str, repo: str | None) -> str:
    """Name the repo of a cron's ticks: as Pachyderm does where the spec does not."""
    return repo or f"{pipeline}_{name}"


def _pfs(pipeline: str, inner: Mapping[str, Any]) -> Source:
    _known(pipeline, "pfs", inner, _PFS)
    if inner.get("branch", BRANCH) != BRANCH:
        raise UsageError(
            f"Expected inputs of '{pipeline}' from {BRANCH}: the embedded engine has no other "
            "branch.",
            received=f"branch {inner['branch']}",
        )
    repo = str(_required(pipeline, "pfs", inner, "repo"))
    glob = compile_glob(_required(pipeline, "pfs", inner, "glob"))
    given = {name: inner.get(name, "") for name in ("group_by", "join_on")}
    refuse_dangling(glob, **given)
    return Source(
        name=inner.get("name") or repo,
        repo=repo,
        glob=glob,
        **given,
        outer=inner.get("outer_join", False),
        empty=inner.get("empty_files", False),
        lazy=inner.get("lazy", False),
    )


def _cron(pipeline: str, inner: Mapping[str, Any]) -> Source:
    _known(pipeline, "cron", inner, _CRON)
    name = str(_required(pipeline, "cron", inner, "name"))
    cron = Cron(
        str(_required(pipeline, "cron", inner, "spec")),
        inner.get("start"),
        inner.get("overwrite", False),
    )
    repo = cron_repo(pipeline, name, inner.get("repo"))
    return Source(name, repo, compile_glob("/*"), cron=cron)


def _known(pipeline: str, kind: str, inner: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(inner) - known):
        raise UsageError(
            f"Expected a {kind} input of '{pipeline}' with {', '.join(sorted(known))}.",
            received=", ".join(unknown),
            hint="run this pipeline on Pachyderm, or leave the field out",
        )


def _required(pipeline: str, kind: str, inner: Mapping[str, Any], field: str) -> Any:
    if inner.get(field) is None:
        raise UsageError(f"Expected an input of '{pipeline}' with {kind}.{field}.", received="none")
    return inner[field]
