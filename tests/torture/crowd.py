"""Many commands at once over one home, and whether what came of them is right."""

import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from tests.torture import invariants
from tests.torture.project import Ended, Project, end

# What a crowd draws from, each with the exit codes that it may end with. `{n}` is a number of the
# drawing's own, `{texts}` a folder with one text of that number.
COMMANDS: list[tuple[tuple[str, ...], set[int]]] = [
    (("put", "texts", "{texts}", "--no-run"), {0}),
    (("put", "texts", "{texts}"), {0}),
    (("put", "uploads", "{texts}", "--no-run"), {0}),
    (("params", "count.seconds=0.0{n}", "--commit", "--no-run"), {0}),
    (("params", "count.seconds=0.0{n}", "--commit"), {0}),
    (("run",), {0}),
    (("run", "--json"), {0}),
    (("ls", "texts"), {0}),
    (("cat", "total@master:/total.json"), {0}),
    (("plan",), {0}),
    (("status",), {0}),
    (("jobs", "--json"), {0}),
    (("lineage", "total@master"), {0}),
    (("commits", "texts"), {0}),
    (("gc",), {0}),
    (("gc", "--results"), {0}),
    (("doctor",), {0}),
    (("size",), {0}),
]


def at_once(project: Project, home: Path, commands: Sequence[Sequence[str]]) -> list[Ended]:
    """Start commands together, and wait for all."""
    running = [project.start(home, *command) for command in commands]
    return [end(process) for process in running]


def drawn(project: Project, dice: random.Random, number: int) -> list[tuple[list[str], set[int]]]:
    """Draw commands for a crowd, each with the exit codes that it may end with."""
    crowd = []
    for each in range(number):
        command, codes = dice.choice(COMMANDS)
        texts = project.root / "crowd" / f"{each}"
        texts.mkdir(parents=True, exist_ok=True)
        (texts / f"text{each}").write_text(f"a crowd of {each}\n")
        crowd.append(([word.format(n=each % 9 + 1, texts=texts) for word in command], codes))
    return crowd


def wrong(crowd: Sequence[tuple[Sequence[str], set[int]]], ended: Sequence[Ended]) -> list[str]:
    """List the commands of a crowd that did not do what they may."""
    bad = ("Traceback", "sqlite3.", "is locked", "a bug of the engine", "blocked:")
    return [
        f"{' '.join(command)} ended with {one.code}: {one.log}"
        for (command, codes), one in zip(crowd, ended, strict=True)
        if one.code not in codes or any(word in one.log for word in bad)
    ]


def contradictions(home: Path) -> list[str]:
    """List the keys that have outputs of two kinds: one key has one result, whoever computed it."""
    trees: dict[str, set[str]] = {}
    for row in invariants.shown(home).values():
        record = json.loads(row[6])
        if "key" in record:
            trees.setdefault(f"{record['pipeline']} {record['key']}", set()).add(row[3])
    return [f"{key} gave {sorted(given)}" for key, given in trees.items() if len(given) > 1]


def replayed(project: Project, home: Path, other: Path) -> list[str]:
    """Give what a home's inputs hold now to a new home; list the outputs that differ.

    The home has nothing outstanding.
    """
    for repo, command in (("texts", ("put", "texts")), ("params", ("params",))):
        target = other.with_name(f"{other.name}-{repo}")
        _must(project.ibid(home, "get", f"{repo}@master", target))
        if repo == "texts":
            _must(project.ibid(other, *command, target, "--no-run"))
            continue
        seconds = json.loads((target / "count.json").read_text())["seconds"]
        _must(project.ibid(other, "params", f"count.seconds={seconds}", "--commit", "--no-run"))
    _must(project.ibid(other, "run"))
    ours, theirs = invariants.heads(home), invariants.heads(other)
    return [
        f"{repo} is {ours[repo]}, alone {theirs[repo]}"
        for repo in theirs
        if ours[repo] != theirs[repo]
    ]


def is_free(home: Path) -> bool:
    """Tell whether nobody holds a transaction of the home's database right now."""
    with closing(sqlite3.connect(home / "ibid.db", timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.execute("ROLLBACK")
        return True


def command(process: str) -> str:
    """Return the command line of a process, by its number; empty if it has ended."""
    with suppress(OSError):
        return Path("/proc", process, "cmdline").read_text().replace("\0", " ")
    return ""


def open_files(process: str) -> list[str]:
    """List what a process has open."""
    found = []
    for link in Path("/proc", process, "fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            found.append(str(link.readlink()))
    return found


def _must(ended: Ended) -> None:
    if ended.code != 0:
        raise AssertionError(f"ended with {ended.code}: {ended.log}")
