"""An audit: some of what was taken as known is run again, and has to give the same bytes."""

import math
import random
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ibid.engine.again import run_again
from ibid.engine.events import JobDone, JobStarted, Watch
from ibid.engine.execution import Task
from ibid.engine.plan import State, plan
from ibid.engine.project import Project
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.stage.contract import ExitCode
from ibid.store.commits import Store, new_id
from ibid.store.jobs import FAILURE, SUCCESS, Jobs, Result


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of one datum: how what it gave differs, or why nothing can be told."""

    pipeline: str
    datum: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """How many datums were known, how many were run again to their end, and what came of them.

    `mismatches` did not give what they gave once; of those that are `unsettled` nothing is known:
    they ended for a reason that may pass, or were ended by the engine.
    """

    known: int
    again: int
    mismatches: tuple[Finding, ...]
    unsettled: tuple[Finding, ...]


class Auditor:
    """Runs known datums again, pipeline after pipeline, and keeps nothing of what they give."""

    def __init__(
        self, project: Project, store: Store, slots: Slots, watch: Watch, stopped: threading.Event
    ) -> None:
        self._project, self._store, self._slots = project, store, slots
        self._watch, self._stopped = watch, stopped

    def audit(self, share: float, executed: Collection[str]) -> Audit:
        """Draw a share of what is known, and run it again.

        Args:
            share: of all known datums of pipelines that are current, from 0 to 1; rounded up.
            executed: the keys of datums that were run a moment ago: they are no cache hits.
        """
        hits = [hit for hit in self._hits() if hit[1].key not in executed]
        drawn = random.SystemRandom().sample(hits, math.ceil(share * len(hits)))
        works = {work.spec.name: work for work, _ in hits}
        mismatches: list[Finding] = []
        unsettled: list[Finding] = []
        again = 0
        for work in works.values():
            tasks = [task for each, task in drawn if each is work]
            if tasks and not self._stopped.is_set():
                wrong, open_ = self._run_again(work, tasks)
                again += len(tasks) - len(open_)
                mismatches += wrong
                unsettled += open_
        return Audit(len(hits), again, tuple(mismatches), tuple(unsettled))

    def _hits(self) -> Iterator[tuple[Work, Task]]:
        for step in plan(self._project, self._store):
            if step.state is State.CURRENT and step.work and not step.spec.effect:
                known = Jobs(self._store).results(step.work.keys)
                for datum, key in zip(step.work.datums, step.work.keys, strict=True):
                    if key in known:
                        yield step.work, Task(datum, key)

    def _run_again(self, work: Work, tasks: Sequence[Task]) -> tuple[list[Finding], list[Finding]]:
        """Run datums; returns those that did not give what they gave, and those left open."""
        name, begun = work.spec.name, time.monotonic()
        # Nothing may be forgiven here.
        strict = replace(work, spec=replace(work.spec, err_cmd=()))
        home, job = self._project.home, new_id()
        self._watch(JobStarted(name, ("audit",), len(tasks), 0, home.logs_of(name, job)))
        before = Jobs(self._store).results(task.key for task in tasks)
        found = run_again(home, strict, job, tasks, self._slots, self._watch, self._stopped.is_set)
        wrong: list[Finding] = []
        open_: list[Finding] = []
        for task in tasks:
            label, name_of = task.datum.label, task.datum.id
            if task.key in found.results:
                said = self._differences(before[task.key], found.results[task.key])
                wrong += [Finding(name, label, said)] if said else []
            elif name_of in found.failures:
                wrong.append(Finding(name, label, (f"fails now: {found.failures[name_of]}",)))
            else:
                open_.append(Finding(name, label, (found.open[name_of],)))
        if not wrong:
            found.forget()
        head = self._store.head(name)
        self._watch(
            JobDone(
                pipeline=name,
                state=FAILURE if wrong or open_ else SUCCESS,
                seconds=time.monotonic() - begun,
                code=int(ExitCode.NOT_REPRODUCIBLE) if wrong else 0,
                error="the audit found other bytes" if wrong else "the audit was not finished",
                digest=head.tree if head else None,
                same=True,
            )
        )
        return wrong, open_

    def _differences(self, before: Result, now: Result) -> tuple[str, ...]:
        """Say how two results of one datum differ; nothing if they do not."""
        files = sorted(self._store.trees.compare(before.tree, now.tree), key=lambda file: file[0])
        words = [
            f"{path}: was {then.digest[:12] if then else 'absent'}, "
            f"is {here.digest[:12] if here else 'absent'}"
            for path, then, here in files
        ]
        if before.code != now.code:
            words.append(f"exit code: was {before.code}, is {now.code}")
        return tuple(words)
