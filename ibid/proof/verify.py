"""Run what is behind a commit again, from what it cites alone, and compare every digest.

From the store and nothing else: no git, no working tree, no cached result. Each stage is given what
the stages before it gave this time, in another setting than the first run's. Effects are never run.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

from ibid.engine import scratch
from ibid.engine.again import Again, run_again
from ibid.engine.changes import environment_differences
from ibid.engine.events import JobDone, JobStarted, Watch
from ibid.engine.execution import Task
from ibid.engine.setting import ELSEWHERE
from ibid.engine.slots import Slots, cores
from ibid.engine.work import Work, recorded, recorded_spec
from ibid.proof.cause import MOST, Cause, find_cause, gave
from ibid.proof.chain import Name, causes_of, chain
from ibid.proof.differ import ask
from ibid.proof.inside import inside
from ibid.proof.judge import judge
from ibid.proof.verdict import Stage, State, Verification, summary
from ibid.stage.contract import ExitCode, TemporaryError, UsageError, printable
from ibid.store.commits import Commit, Store, new_id
from ibid.store.home import Home, Waiting
from ibid.store.jobs import FAILURE, SUCCESS
from ibid.store.manifest import name_of

_END_LINES, _END_BYTES = 20, 1 << 14


def verify(
    home: Home,
    store: Store,
    commit: Commit,
    watch: Watch,
    say: Callable[[str], None],
    waiting: Waiting,
    *,
    only: str | None = None,
    sample: float = 1,
    causes: bool = True,
    logs_stay: bool = True,
) -> Verification:
    """Run what is behind a commit again and compare; the first stage that differs ends it.

    Args:
        home: where to run; its secrets, if a stage needs any.
        store: holds the commit, and all that it cites.
        commit: what to verify.
        watch: is told how the jobs go on.
        say: is told what holds for the whole, before it starts.
        waiting: is told for whom this waits.
        only: verify the output of this pipeline alone, from the inputs that are on record.
        sample: of the datums of stages that have many, the share to run.
        causes: look for the cause of a difference, which takes up to thirteen runs of a datum.
        logs_stay: the home is there after this; else the end of a log is told, not its place.

    Raises:
        BadInputError: if bytes behind the commit are gone.
        UsageError: if nothing that can be run is behind it, or no stage of that name.
        TemporaryError: if a stage could not be run to its end.
    """
    if not 0 < sample <= 1:
        raise UsageError("Expected a share of the datums, above 0 and at most 1.", received=sample)
    with home.run_lock(waiting), store.lock.shared():
        scratch.clear(home)
        try:
            return _Verify(home, store, watch, say, sample, logs_stay=logs_stay).verify(
                commit, only, causes=causes
            )
        finally:
            scratch.clear(home)


class _Verify:
    def __init__(
        self,
        home: Home,
        store: Store,
        watch: Watch,
        say: Callable[[str], None],
        sample: float,
        *,
        logs_stay: bool,
    ) -> None:
        self._home, self._store, self._watch, self._say = home, store, watch, say
        self._sample, self._logs_stay = sample, logs_stay
        self._slots = Slots(cores())
        self._stopped = threading.Event()
        self._heads: dict[Name, Commit] = {}  # as they came out now
        self._seen: dict[Name, tuple[Work, Sequence[Task], Again]] = {}

    def verify(self, commit: Commit, only: str | None, *, causes: bool) -> Verification:
        started = time.time()
        behind = chain(self._store, commit)
        outputs = [each for each in behind if causes_of(each)]
        inputs = tuple(each for each in behind if each not in outputs)
        chosen = [each for each in outputs if only in (None, each.repo)]
        if not chosen:
            raise UsageError(
                f"Expected an output behind {commit.address}"
                + (f": {', '.join(each.repo for each in outputs)}." if outputs else "."),
                received=only or f"an input, {commit.address}",
                hint="ibid repos",
            )
        if self._is_effect(chosen[-1]):
            before = [each for each in outputs if not self._is_effect(each)]
            raise UsageError(
                "Expected a stage that can be run again.",
                received=f"{chosen[-1].repo}, an effect: it acted on the world",
                hint=f"ibid verify {before[-1].repo}@{before[-1].id[:8]}" if before else None,
            )
        # Under ids of their own: what reads the id of a commit gives other bytes.
        self._heads = {name_of(each): replace(each, id=new_id()) for each in behind}
        works = {name_of(each): self._work(each) for each in chosen}
        environment = tuple(
            dict.fromkeys(line for each in chosen for line in self._installed(each, works))
        )
        if environment:
            self._say("What is installed is not what is cited:")
        for line in environment:
            self._say(f"  {line}")
        stages = self._run_all(chosen)
        first = next((stage for stage in stages if stage.state is State.OTHER), None)
        return Verification(
            commit,
            inputs,
            tuple(stages),
            environment,
            tuple(self._look_inside(first)) if first else (),
            self._cause(first) if first and causes else None,
            only,
            self._sample,
            started,
            time.time(),
        )

    def _is_effect(self, commit: Commit) -> bool:
        return recorded_spec(self._store, commit).effect

    def _look_inside(self, stage: Stage) -> list[str]:
        """Ask the stage's differ; else say where the first file differs that both sides have."""
        work, _, _ = self._seen[name_of(stage.commit)]
        then, now = stage.commit.tree, stage.found
        own = ask(self._home, work, then, now, self._stopped.is_set) if now else []
        if own:
            return own
        objects = self._store.objects
        for each in stage.differences:
            if each.then and each.now:
                lines = inside(objects.read(each.then), objects.read(each.now))
                return [f"{each.path}: {line}" for line in lines]
        return []

    def _cause(self, stage: Stage) -> Cause:
        """Run a datum that differs again, one thing held or let go at a time."""
        work, drawn, found = self._seen[name_of(stage.commit)]
        tasks = [self._differing(stage, drawn, found)]
        self._say(f"Looking for the cause: {work.spec.name} is run again, up to {MOST} times.")
        return find_cause(
            self._home, work, tasks, gave(found, tasks), self._stopped.is_set, self._say
        )

    def _differing(self, stage: Stage, drawn: Sequence[Task], found: Again) -> Task:
        """Find a datum that differs: one that fails, or one that gave a file that does."""
        trees = self._store.trees
        paths = [each.path for each in stage.differences if each.now]
        for task in drawn:
            if task.datum.id in found.failures:
                return task
            tree = found.results[task.key].tree if task.key in found.results else None
            if tree and any(trees.find(tree, path) for path in paths[:1]):
                return task
        return drawn[0]

    def _work(self, commit: Commit) -> Work:
        heads = {name[0]: self._heads[name] for name in causes_of(commit)}
        return recorded(self._home, self._store, commit, heads)

    def _installed(self, commit: Commit, works: Mapping[Name, Work]) -> list[str]:
        """Say how the environment of now differs from the one that a commit cites."""
        told = json.loads(commit.provenance)
        work = works[name_of(commit)]
        if told["environment"] == work.environment_digest:
            return []
        then = json.loads(self._store.objects.read(told["environment_record"]))
        return [*environment_differences(then, work.environment)]

    def _run_all(self, chosen: Sequence[Commit]) -> list[Stage]:
        """Run each commit's job when all before it gave what they should."""
        done: dict[Name, Stage] = {}
        running: dict[Future[Stage], Name] = {}
        named = {name_of(each): each for each in chosen}
        order = TopologicalSorter(
            {name: [n for n in causes_of(each) if n in named] for name, each in named.items()}
        )
        order.prepare()
        with ThreadPoolExecutor(len(chosen)) as pool:
            try:
                while order.is_active():
                    if all(stage.state is not State.OTHER for stage in done.values()):
                        running |= {pool.submit(self._run, named[n]): n for n in order.get_ready()}
                    if not running:
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        name = running.pop(future)
                        done[name] = stage = future.result()
                        if stage.state is not State.OTHER:
                            order.done(name)
            except BaseException:
                self._stopped.set()
                raise
        return [done.get(name) or Stage(each, State.NOT_RUN) for name, each in named.items()]

    def _run(self, commit: Commit) -> Stage:
        """Make a commit again; what comes after it is given what came out."""
        if self._is_effect(commit):
            return Stage(commit, State.EFFECT)
        work, begun = self._work(commit), time.monotonic()
        tasks = [Task(*pair) for pair in zip(work.datums, work.keys, strict=True)]
        drawn = _draw(tasks, self._sample)
        name, job = work.spec.name, new_id()
        logs = self._home.logs_of(name, job)
        self._watch(JobStarted(name, ("verify",), len(tasks), len(tasks) - len(drawn), logs))
        found = run_again(
            self._home, work, job, drawn, self._slots, self._watch, self._stopped.is_set, ELSEWHERE
        )
        if found.open:
            raise TemporaryError(
                f"Expected {name} to run to its end.", received=next(iter(found.open.values()))
            )
        stage = judge(self._store, commit, work, drawn, found, time.monotonic() - begun)
        if stage.found:
            made = self._heads[name_of(commit)]
            self._heads[name_of(commit)] = replace(made, tree=stage.found)
        self._seen[name_of(commit)] = work, drawn, found
        if found.failures and self._logs_stay:
            self._say(f"{name}: what it printed is in {found.logs}")
        elif found.failures:
            self._say("\n  ".join([f"{name}: the end of what it printed:", *_end_of(found.logs)]))
        else:
            found.forget()
        other = stage.state is State.OTHER
        self._watch(
            JobDone(
                pipeline=name,
                state=FAILURE if other else SUCCESS,
                seconds=stage.seconds,
                code=int(ExitCode.NOT_REPRODUCIBLE) if other else 0,
                error=f"other bytes than on record: {summary(stage)}" if other else "",
                digest=stage.found or commit.tree,
                same=not other,
            )
        )
        return stage


def _draw(tasks: Sequence[Task], share: float) -> Sequence[Task]:
    """Choose a share of many datums by the digests of their paths, so that it is no choice."""
    return sorted(tasks, key=lambda task: task.datum.id)[: math.ceil(share * len(tasks))]


def _end_of(logs: Path) -> list[str]:
    """Read the last lines of what was printed, of each worker."""
    lines = list[str]()
    for log in sorted(logs.glob("*.log")):
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _END_BYTES))
            lines += stream.read().decode(errors="replace").splitlines()[-_END_LINES:]
    return [printable(line) for line in lines]
