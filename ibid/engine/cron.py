"""Crons: each tick is an empty file, named by its time, in the repo of the cron.

As in Pachyderm a tick that was missed is made up for. There each is a commit of its own; here those
that are due together are one: a cluster is awake at every tick, this engine only when it runs, and
the repo holds the same in the end.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from ibid.engine import record
from ibid.engine.project import Project
from ibid.spec.schedule import parse
from ibid.spec.sources import Cron
from ibid.store.commits import Commit, Store, new_id
from ibid.store.trees import EMPTY, FILE, Entry

MOST = 1000  # of those that were missed, the newest
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def crons(project: Project) -> dict[str, Cron]:
    """List the crons of a project by the repos that they tick into."""
    sources = (source for spec in project.specs.values() for source in spec.sources)
    return {source.repo: source.cron for source in sources if source.cron}


def tick(project: Project, store: Store, now: datetime) -> list[Commit]:
    """Commit the ticks that are due; one without a `start` counts from when it is first seen."""
    return [*_ticks(project, store, now)]


def due(project: Project, store: Store, now: datetime) -> dict[str, list[datetime]]:
    """List the ticks that a run would commit, by repo."""
    found = {
        repo: parse(cron.spec).between(
            _latest(store, repo, cron, now), now, 1 if cron.overwrite else MOST
        )
        for repo, cron in crons(project).items()
    }
    return {repo: ticks for repo, ticks in found.items() if ticks}


def next_tick(project: Project, store: Store, repo: str, now: datetime) -> datetime | None:
    """Say when a cron ticks next; None if it never does."""
    cron = crons(project)[repo]
    return parse(cron.spec).after(_latest(store, repo, cron, now))


def first_tick(project: Project, store: Store, now: datetime) -> datetime | None:
    """Say when the first of all crons ticks next."""
    ticks = (next_tick(project, store, repo, now) for repo in crons(project))
    return min(filter(None, ticks), default=None)


def name(moment: datetime) -> str:
    """Name a tick's file: its time, so that the names sort as the times do."""
    return moment.astimezone(UTC).strftime(_FORM)


def _ticks(project: Project, store: Store, now: datetime) -> Iterator[Commit]:
    missed = due(project, store, now)
    for repo, cron in crons(project).items():
        head = store.head(repo)
        if head is None and repo not in missed:
            start = record.of_input(start=cron.start or name(now))
            yield store.commit(repo, new_id(), store.trees.write(()), start, onto=None)
        if repo in missed:
            lost = head is None or head.gone
            kept = [] if head is None or lost or cron.overwrite else store.trees.read(head.tree)
            empty = store.objects.put_bytes(b"")
            added = [Entry(name(moment), FILE, empty, 0) for moment in missed[repo]]
            # Said here too: the files of the ticks may be withdrawn.
            provenance = record.of_input(ticks=len(added), last=added[-1].name)
            tree = store.trees.write([*kept, *added])
            yield store.commit(repo, new_id(), tree, provenance, onto=head)


def _latest(store: Store, repo: str, cron: Cron, now: datetime) -> datetime:
    """Say from when on ticks are due: the last one, or a start that is later."""
    head = store.head(repo)
    moments = [datetime.fromisoformat(cron.start).astimezone(UTC)] if cron.start else []
    told = json.loads(head.provenance) if head else {}
    if "last" in told:
        moments.append(_moment(told["last"]))
    elif head and head.tree != EMPTY and not head.gone:
        moments.append(_moment(store.trees.read(head.tree)[-1].name))
    elif "start" in told:
        moments += [] if moments else [datetime.fromisoformat(told["start"])]
    elif head:  # of a store that did not keep the last tick's time
        moments.append(datetime.fromtimestamp(head.created, UTC))
    return max(moments, default=now)


def _moment(tick: str) -> datetime:
    return datetime.strptime(tick, _FORM).replace(tzinfo=UTC)
