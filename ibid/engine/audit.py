"""An audit: some of what was taken as known is run again, and has to give the same bytes."""

import math
import random
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from ibid.engine.events import JobDone, JobStarted, Watch
from ibid.engine.execution import Execution, Task
from ibid.engine.plan import State, plan
from ibid.engine.project import Project
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.stage.contract import ExitCode
from ibid.store.commits import Store, new_id
from ibid.store.jobs import FAILURE, SUCCESS, Jobs, Result

POLL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A datum that gave something else than it gave once: `found` says how they differ."""

    pipeline: str
    datum: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """How many datums were known, how many were run again, and which of these did not agree."""

    known: int
    again: int
    mismatches: tuple[Mismatch, ...]


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
        found: list[Mismatch] = []
        again = 0
        for work in works.values():
            tasks = [task for each, task in drawn if each is work]
            if tasks and not self._stopped.is_set():
                done, mismatches = self._run_again(work, tasks)
                again += done
                found += mismatches
        return Audit(len(hits), again, tuple(found))

    def _hits(self) -> Iterator[tuple[Work, Task]]:
        for step in plan(self._project, self._store):
            if step.state is State.CURRENT and step.work and not step.spec.effect:
                known = Jobs(self._store).results(step.work.keys)
                for datum, key in zip(step.work.datums, step.work.keys, strict=True):
                    if key in known:
                        yield step.work, Task(datum, key)

    def _run_again(self, work: Work, tasks: Sequence[Task]) -> tuple[int, list[Mismatch]]:
        """Run datums; returns how many ended, and those that did not give what they gave."""
        name, begun = work.spec.name, time.monotonic()
        execution = Execution(
            self._project.home, work, new_id(), self._slots, self._watch, keep=False
        )
        self._watch(JobStarted(name, ("audit",), len(tasks), 0, execution.logs))
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(execution.run, tasks)
            while wait([running], POLL_SECONDS).not_done:
                if self._stopped.is_set():
                    execution.stop()
            running.result()
        known = Jobs(self._store).results(task.key for task in tasks)
        labels = {str(task.key): task.datum.label for task in tasks}
        found = [
            Mismatch(name, labels[result.key], differences)
            for result in execution.results
            if (differences := self._differences(known[result.key], result))
        ]
        if not execution.stopped:
            found += [
                Mismatch(name, datum.label, (f"fails now: {outcome.error}",))
                for datum, outcome in execution.failures
            ]
        if not found and execution.logs.exists():  # no job is theirs: nothing would remove them
            shutil.rmtree(execution.logs)
        head = self._store.head(name)
        self._watch(
            JobDone(
                pipeline=name,
                state=FAILURE if found else SUCCESS,
                seconds=time.monotonic() - begun,
                code=int(ExitCode.NOT_REPRODUCIBLE) if found else 0,
                error="the audit found other bytes" if found else "",
                digest=head.tree if head else None,
                same=True,
            )
        )
        return len(execution.results) + len(execution.failures), found

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
