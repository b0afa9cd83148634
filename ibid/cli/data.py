"""Commands about data: put, repos, commits, ls, get, cat."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from ibid.cli import show
from ibid.cli.options import Address, Json, NoRun, Pipeline, find_entry, opened
from ibid.cli.running import run_and_show
from ibid.engine import inputs, scratch
from ibid.engine.project import Project
from ibid.stage.contract import UsageError, one_line
from ibid.store.commits import Commit, Store
from ibid.store.trees import FILE, FOLDER


def put(
    repo: Annotated[str, typer.Argument(help="An input repo, such as stream.")],
    path: Annotated[Path, typer.Argument(help="The file or folder to commit.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Take the place of the upload last put with --replace."),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Take back files that were purged.")
    ] = False,
    no_run: NoRun = False,
    pipeline: Pipeline = None,
) -> None:
    """Commit an upload, and start what it feeds. Bytes that are there already make no commit."""
    with opened(pipeline) as (project, store):
        commit = inputs.put(project, store, repo, path, replace=replace, again=again)
        if commit is None:
            show.say(f"{repo}: no commit, it holds the bytes of {path} already")
        else:
            show.say(f"{repo}@{commit.id[:8]}: committed {path}, {show.size(commit.size)} in all")
        _list_uploads(project, store, repo)
        if not no_run:
            run_and_show(project, store)


def repos(json: Json = False, pipeline: Pipeline = None) -> None:
    """List the repos and their newest commits."""
    with opened(pipeline) as (project, store):
        names = [*project.inputs, *(spec.name for spec in project.specs.values() if not spec.port)]
        heads = [(name, store.head(name)) for name in names]
        if json:
            show.data(
                [
                    {"repo": name, "commit": head and head.id, "digest": head and head.tree}
                    for name, head in heads
                ]
            )
            return
        show.table(
            ("REPO", "COMMIT", "DIGEST", "SIZE", "CREATED"),
            (
                (name, head.id[:8], head.tree[:12], show.size(head.size), show.age(head.created))
                if head
                else (name, "-", "-", "-", "-")
                for name, head in heads
            ),
        )


def commits(
    repo: Annotated[str, typer.Argument(help="Any repo.")],
    json: Json = False,
    pipeline: Pipeline = None,
) -> None:
    """List a repo's commits, newest first."""
    with opened(pipeline) as (_, store):
        history = store.history(repo)
        if not history:
            store.resolve(repo)  # says what repos there are
        if json:
            show.data(
                [
                    {
                        "commit": commit.id,
                        "parent": commit.parent,
                        "digest": commit.tree,
                        "size": commit.size,
                        "created": commit.created,
                        "purged": commit.purged,
                    }
                    for commit in history
                ]
            )
            return
        show.table(
            ("COMMIT", "DIGEST", "SIZE", "CREATED (UTC)", "PURGED (UTC)"),
            (
                (c.id, c.tree[:12], show.size(c.size), show.clock(c.created), _purged(c))
                for c in history
            ),
        )


def ls(address: Address, json: Json = False, pipeline: Pipeline = None) -> None:
    """List a folder of a commit."""
    with opened(pipeline) as (_, store):
        _, _, entry = find_entry(store, address)
        entries = store.trees.read(entry.digest) if entry.kind == FOLDER else [entry]
        if json:
            show.data(
                [
                    {"name": e.name, "kind": e.kind, "digest": e.digest, "size": e.size}
                    for e in entries
                ]
            )
            return
        show.table(
            ("DIGEST", "SIZE", "NAME"),
            (
                (
                    e.digest[:12],
                    show.size(e.size),
                    one_line(e.name) + ("/" if e.kind == FOLDER else ""),
                )
                for e in entries
            ),
        )


def get(
    address: Address,
    target: Annotated[Path, typer.Argument(help="Where to; it must not be there yet.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    pipeline: Pipeline = None,
) -> None:
    """Copy a file or folder out of the store."""
    with opened(pipeline) as (_, store):
        copy_out(store, address, target, force=force)


def copy_out(store: Store, address: str, target: Path, *, force: bool) -> None:
    """Copy what an address names, say its size; raises UsageError if something is there already."""
    commit, _, entry = find_entry(store, address)
    if target.exists() and not force:
        raise UsageError("Expected a new path.", received=f"{target} exists", hint="--force")
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with store.reading(commit):
            store.trees.checkout(entry, beside)
        scratch.remove(target)  # only now: what takes its place is whole
        beside.rename(target)
    finally:
        scratch.remove(beside)
    show.say(f"{target}: {show.size(entry.size)}")


def cat(address: Address, pipeline: Pipeline = None) -> None:
    """Print a file of a commit; of a folder, the names in it."""
    with opened(pipeline) as (_, store):
        commit, path, entry = find_entry(store, address)
        if entry.kind != FILE:
            names = ", ".join(one_line(inner.name) for inner in store.trees.read(entry.digest))
            raise UsageError("Expected a file.", received=f"{path}, a folder of {names}")
        with store.reading(commit):
            sys.stdout.buffer.write(store.objects.read(entry.digest))
        sys.stdout.buffer.flush()


def _purged(commit: Commit) -> str:
    if commit.purged_at is None:
        return ""
    return f"{show.clock(commit.purged_at)}, {commit.purged}"


def _list_uploads(project: Project, store: Store, repo: str) -> None:
    """Name the uploads that count, so that nobody trains on what they have forgotten."""
    if project.inputs[repo]["layout"] == "uploads":
        names = [upload.name for upload in inputs.uploads(store, repo)]
        show.say(f"{repo} holds {len(names)} upload{'s'[: len(names) != 1]}: {', '.join(names)}")
