"""Commands about the life of a store: doctor, rm, delete, gc, size."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from ibid.cli import show
from ibid.cli.options import (
    Json,
    NoRun,
    Pipeline,
    RemoteUrl,
    find_commit,
    find_entry,
    opened,
    split,
)
from ibid.cli.progress import watching
from ibid.cli.running import run_and_show, say_waiting
from ibid.engine import state as states
from ibid.engine.citing import keys_once
from ibid.engine.purge import Purge
from ibid.engine.purge import purge as purge_files
from ibid.engine.record import cited
from ibid.engine.repair import look
from ibid.engine.repair import repair as mend
from ibid.engine.withdraw import Target, files_of, refuse_living, remove
from ibid.stage.contract import ExitCode, UsageError
from ibid.store import delete as deleting
from ibid.store.commits import MASTER, Store
from ibid.store.doctor import Health
from ibid.store.gc import collect
from ibid.store.remote import Remote
from ibid.store.size import measure

Force = Annotated[bool, typer.Option("--force", help="Do it although others cite it.")]


class Kind(StrEnum):
    """What `delete` deletes, as `pachctl delete`."""

    COMMIT = "commit"
    BRANCH = "branch"
    REPO = "repo"


def rm(
    addresses: Annotated[
        list[str],
        typer.Argument(metavar="REPO:PATH…", help="Files or folders of input repos."),
    ],
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Remove their bytes, and what was made from them, for good."),
    ] = False,
    no_run: NoRun = False,
    pipeline: Pipeline = None,
) -> None:
    """Withdraw files: commit an input repo without them, and start what it feeds."""
    with opened(pipeline) as (project, store):
        targets = [_target(store, address, purge) for address in addresses]
        if purge:
            refuse_living(store, files_of(store, targets), targets)
        for commit in remove(project, store, targets):
            show.say(f"{commit.address}: committed, {show.size(commit.size)} in all")
        if purge:
            _say_purged(purge_files(project, store, targets, say_waiting))
        if not no_run:
            run_and_show(project, store)


def delete(
    kind: Annotated[Kind, typer.Argument(help="What it is.")],
    name: Annotated[str, typer.Argument(help="REPO@REF of a commit or a branch; REPO of a repo.")],
    force: Force = False,
    pipeline: Pipeline = None,
) -> None:
    """Delete a commit, a branch or a whole repo; the bytes go with the next gc."""
    with opened(pipeline) as (project, store):
        if kind == Kind.BRANCH:
            repo, branch, _ = split(name)
            deleting.delete_branch(store, repo, branch or MASTER)
            show.say(f"{repo}@{branch or MASTER}: deleted, its commits stay")
            return
        if kind == Kind.REPO:
            store.resolve(name) if store.head(name) else _known_repo(store, name)
            commits = store.history(name)
        else:
            commits = [find_commit(store, name)]
        with project.home.run_lock(say_waiting):  # first: who queues at the store stops them all
            done = deleting.delete_commits(store, commits, cited, force=force)
    for commit in done.commits:
        kept = " (its record stays: others cite it)" if commit in done.kept_records else ""
        show.say(f"{commit.address}: deleted{kept}")
    show.say("Its bytes go with ibid gc; cached results keep theirs: ibid gc --results.")


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; say what cannot.")
    ] = False,
    remote: RemoteUrl = None,
    json: Json = False,
    pipeline: Pipeline = None,
) -> None:
    """Hash every object again, follow every reference, and name what is hurt."""
    with opened(pipeline) as (project, store):
        done: tuple[str, ...] = ()
        cannot: tuple[str, ...] = ()
        if repair:
            fetch = partial(Remote(remote).fetch, store) if remote else None
            with watching() as watch:
                mended = mend(project, store, fetch, watch, say_waiting)
            health, done, cannot = mended.after, mended.done, mended.cannot
        else:
            health = look(project, store)
    if json:
        show.data(health.as_json() | {"done": list(done), "cannot": list(cannot)})
    else:
        _say_health(health, done, cannot, hint=not repair)
    if health.wrong:
        raise typer.Exit(int(ExitCode.NOT_REPRODUCIBLE))


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    results: Annotated[
        bool,
        typer.Option("--results", help="Drop cached results that no commit cites, and state, too."),
    ] = False,
    json: Json = False,
    pipeline: Pipeline = None,
) -> None:
    """Remove what no commit, record or cached result cites."""
    # The run's lock first: who waits for a run at the store would stop `status` and `put` with it.
    with opened(pipeline) as (project, store), project.home.run_lock(say_waiting):
        swept = collect(store, cited, results=keys_once() if results else None, dry_run=dry_run)
        state = states.clear(project.home, dry_run=dry_run) if results else 0
    if json:
        freed = {"objects": swept.objects, "bytes": swept.bytes, "results": swept.results}
        show.data(freed | {"state": state})
        return
    said = "would free" if dry_run else "freed"
    dropped = f", {swept.results} cached results and {show.size(state)} of state dropped"
    show.say(
        f"{said} {show.size(swept.bytes)} in {swept.objects} objects{dropped if results else ''}"
    )


def size(json: Json = False, pipeline: Pipeline = None) -> None:
    """Say how much each repo holds, and what gc would free."""
    with opened(pipeline) as (project, store):
        found = measure(project.home, store, cited)
    if json:
        show.data(found.as_json())
        return
    show.table(
        ("REPO", "COMMITS", "LOGICAL", "UNIQUE", "OBJECTS"),
        (
            (repo.repo, repo.commits, show.size(repo.logical), show.size(repo.unique), repo.objects)
            for repo in found.repos
        ),
    )
    show.say(
        f"in all {show.size(found.unique)} in {found.objects} objects, "
        f"logs {show.size(found.logs)}, database {show.size(found.database)}, "
        f"quarantine {show.size(found.quarantine)}, state {show.size(found.state)}; "
        f"ibid gc would free {show.size(found.free.bytes)}"
    )


def _target(store: Store, address: str, purge: bool) -> Target:
    repo, ref, path = split(address)
    if not (path or "").strip("/"):
        raise UsageError("Expected REPO:PATH, a file or folder in a repo.", received=address)
    if ref is not None and not purge:
        raise UsageError(
            "Expected REPO:PATH: files are withdrawn from the newest commit.",
            received=address,
            hint="--purge removes files of older commits from all history",
        )
    _, found, entry = find_entry(store, address)
    return Target(repo, found, entry)


def _known_repo(store: Store, name: str) -> None:
    """Refuse a name that no commit bears, as a whole repo may have lost its branch."""
    if name not in store.repos():
        store.resolve(name)


def _say_health(health: Health, done: Sequence[str], cannot: Sequence[str], *, hint: bool) -> None:
    for line in done:
        show.say(line)
    for finding in health.findings:
        show.print_plain(f"{finding.kind}  {finding.subject}  {finding.detail}")
        for name in finding.hurts:
            show.print_plain(f"    hurts {name}")
    for line in cannot:
        show.say(f"cannot be mended: {line}")
    wrong = len(health.wrong)
    found = "1 thing is wrong" if wrong == 1 else f"{wrong} things are wrong"
    verdict = found if wrong else "nothing is wrong"
    show.say(f"{health.objects} objects, {show.size(health.bytes)}, hashed again: {verdict}")
    if hint and health.findings:
        show.say("  hint: ibid doctor --repair")


def _say_purged(done: Purge) -> None:
    files = f"{len(done.files)} file{'s'[: len(done.files) != 1]}"
    show.say(f"purged {files}; freed {show.size(done.swept.bytes)} in {done.swept.objects} objects")
    for title, names in (
        ("input commits that held them, and still hold the rest", done.inputs),
        ("outputs made from them, whose bytes are gone", done.outputs),
        ("still holds the same bytes, which were not made from them", done.held_by),
        ("not reached", done.unreached),
    ):
        for name in names:
            show.say(f"  {title}: {name}")
    show.say(f"  cached results dropped: {done.results}; logs of jobs removed: {done.logs}")
