"""The arguments and options that commands share, and the way to an address."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ibid.cli import show
from ibid.engine.project import Project, load
from ibid.stage.contract import UsageError
from ibid.store.commits import MASTER, Commit, Store
from ibid.store.trees import FOLDER, Entry

Pipeline = Annotated[
    str | None,
    typer.Option("--pipeline", help="Folder under pipelines/; needed where there are several."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, whose form is stable.")]
NoRun = Annotated[bool, typer.Option("--no-run", help="Commit only; run later.")]
RemoteUrl = Annotated[
    str | None,
    typer.Option(
        "--remote",
        envvar="IBID_REMOTE",
        help="URL of another store, such as s3://BUCKET/FOLDER; default: $IBID_REMOTE.",
    ),
]
Address = Annotated[
    str,
    typer.Argument(
        metavar="REPO[@REF][:PATH]",
        help="REF: a branch (default master), a commit id or its beginning, either with ^.",
    ),
]

_ADDRESS = re.compile(r"(?P<repo>[^@:]+)(@(?P<ref>[^:]+))?(:(?P<path>.*))?", re.S)


@contextmanager
def opened(pipeline: str | None) -> Iterator[tuple[Project, Store]]:
    """Load the project around the current folder and open its store."""
    project = load(Path.cwd(), pipeline)
    store = project.home.open(project.name, show.say)
    try:
        yield project, store
    finally:
        store.close()


def find_commit(store: Store, address: str) -> Commit:
    """Find the commit that an address without a path names."""
    repo, ref, path = split(address)
    if path is not None:
        raise UsageError("Expected REPO@REF without a path.", received=address)
    return store.resolve(repo, ref or MASTER)


def find_entry(store: Store, address: str) -> tuple[Commit, str, Entry]:
    """Find the file or folder that an address names; returns its commit, path and entry."""
    repo, ref, path = split(address)
    commit = store.resolve(repo, ref or MASTER)
    path = "/" + (path or "").strip("/")
    with store.reading(commit):
        entry = store.trees.find(commit.tree, path)
    if entry is None:
        raise UsageError(
            f"Expected a path in {commit.address}.",
            received=path,
            hint=f"ibid ls {commit.address}",
        )
    root = Entry(entry.name, FOLDER, commit.tree, commit.size)
    return commit, path, root if path == "/" else entry


def split(address: str) -> tuple[str, str | None, str | None]:
    """Split REPO[@REF][:PATH] into its parts; raises UsageError for what is none."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError("Expected REPO[@REF][:PATH].", received=address)
    return match["repo"], match["ref"], match["path"]
