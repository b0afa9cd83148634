"""Commands that take commits to other places and back: export, import, push, pull."""

from pathlib import Path
from typing import Annotated

import typer

from ibid.cli import show
from ibid.cli.options import Pipeline, RemoteUrl, find_commit, opened
from ibid.engine.record import cited
from ibid.stage.contract import BadInputError, UsageError
from ibid.store import bundle
from ibid.store.adopt import Adopted
from ibid.store.remote import Remote


def export(
    commit: Annotated[str, typer.Argument(metavar="REPO@REF", help="A commit.")],
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    pipeline: Pipeline = None,
) -> None:
    """Write a commit to a file, with all that it was made from."""
    if file.exists() and not force:
        raise UsageError("Expected a new file.", received=f"{file} exists", hint="--force")
    with opened(pipeline) as (_, store):
        done = bundle.write(store, find_commit(store, commit), file, cited)
    size = show.size(file.stat().st_size)
    show.say(f"{file}: {len(done.commits)} commits, {done.objects} objects, {size}")


def import_(
    file: Annotated[Path, typer.Argument(help="What ibid export has written.")],
    again: Annotated[
        bool, typer.Option("--again", help="Take back files that were purged.")
    ] = False,
    pipeline: Pipeline = None,
) -> None:
    """Take in the commits of a file, once every digest in it is checked."""
    if not file.is_file():
        raise BadInputError("Expected a file that ibid export has written.", received=f"no {file}")
    with opened(pipeline) as (_, store):
        _, adopted = bundle.read(store, file, cited, again=again)
    _say_adopted(adopted)


def push(
    remote: RemoteUrl = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read what is there too; send again what is wrong.")
    ] = False,
    pipeline: Pipeline = None,
) -> None:
    """Send the commits that a remote lacks, and their objects."""
    with opened(pipeline) as (_, store):
        sent = Remote(_url(remote)).push(store, cited, check=check)
    show.say(f"sent {sent.commits} commits, {sent.objects} objects, {show.size(sent.bytes)}")


def pull(remote: RemoteUrl = None, pipeline: Pipeline = None) -> None:
    """Take in the commits that are at a remote and not here."""
    with opened(pipeline) as (_, store):
        adopted = Remote(_url(remote)).pull(store, cited)
    _say_adopted(adopted)


def _url(remote: str | None) -> str:
    if remote is None:
        raise UsageError(
            "Expected the URL of a remote.",
            received="none",
            hint="--remote s3://BUCKET/FOLDER, or set IBID_REMOTE",
        )
    return remote


def _say_adopted(adopted: Adopted) -> None:
    for commit in adopted.commits:
        show.say(f"{commit.address}: new here, {commit.tree[:12]}")
    for repo in adopted.apart:
        show.say(f"{repo}@master stays where it is: what came did not follow from it")
    if not adopted.commits:
        show.say("no commit that is not here already")
