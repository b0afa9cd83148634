"""A run: all that is outstanding, in the order of the DAG, independent pipelines together."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from ibid.engine import cron, scratch, state
from ibid.engine.audit import Audit, Auditor
from ibid.engine.events import Event, JobDone, NotRun, Watch, Weaker
from ibid.engine.inputs import commit_initial
from ibid.engine.job import Job
from ibid.engine.plan import State, assess, input_heads, plan
from ibid.engine.project import Project
from ibid.engine.slots import Slots, cores
from ibid.spec.spec import Spec
from ibid.stage.contract import ExitCode, IbidError
from ibid.store.commits import Commit, CommitId, Store, new_id
from ibid.store.disk import explain
from ibid.store.home import Waiting
from ibid.store.jobs import FAILURE, SUCCESS, Jobs

POLL_SECONDS = 0.3


def run(
    project: Project, store: Store, watch: Watch, waiting: Waiting, *, audit: float = 0
) -> "Run":
    """Do what is outstanding; waits, and says so, while another process runs.

    Args:
        project: what is to be run.
        store: where its inputs are, and its outputs go.
        watch: is told what happens.
        waiting: is told who runs now.
        audit: the share of what is known to run again then, from 0 to 1.

    Returns:
        the run, which knows what it did and with which exit code to end.
    """
    with project.home.run_lock(waiting), store.lock.shared():
        return _run(project, store, watch, audit)


def _run(project: Project, store: Store, watch: Watch, audit: float) -> "Run":
    Jobs(store).end_abandoned()
    scratch.clear(project.home)
    state.settle(project.home, store)
    commit_initial(project, store)
    cron.tick(project, store, datetime.now(UTC))
    this = Run(project, store, watch)
    try:
        with this.stopping_on_signals():
            this.go()
            if audit and not this.stopped:
                this.look_again(audit)
    finally:
        scratch.clear(project.home)
    return this


class Run:
    """The jobs that one call starts; all of them share one commit set.

    `audit` is what was found when known results were run again, if that was asked for.
    """

    def __init__(self, project: Project, store: Store, watch: Watch) -> None:
        self.done: dict[str, JobDone] = {}
        self.not_run: dict[str, str] = {}
        self.code = int(ExitCode.DONE)
        self.audit: Audit | None = None
        self._executed: set[str] = set()
        self._not_run_codes: dict[str, ExitCode] = {}
        self._waiting: set[str] = set()
        self._project, self._store, self._tell = project, store, watch
        self._told: set[str] = set()
        self._telling = threading.Lock()
        self._jobs = Jobs(store)
        self._slots = Slots(cores())
        self._inputs = input_heads(project, store)
        self._set: CommitId | None = None
        self._settled: set[str] = set()
        self._running: dict[Future[JobDone], Job] = {}
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether a signal has ended it."""
        return self._stopped.is_set()

    def go(self) -> None:
        """Start each pipeline when all before it are settled, until there is none left.

        Then `code` is that of the first failure, else of a refusal that stands, else 0.
        """
        with ThreadPoolExecutor(max_workers=len(self._project.specs)) as pool:
            try:
                while self._start_ready(pool) or self._running:
                    finished, _ = wait(self._running, POLL_SECONDS, FIRST_COMPLETED)
                    for future in finished:
                        job = self._running.pop(future)
                        self.done[job.work.spec.name] = future.result()
                        self._executed |= job.executed
                        self._settled.add(job.work.spec.name)
                    self._tend()
            except BaseException:
                self._stopped.set()
                for job in self._running.values():  # nothing else now: it may be what has failed
                    job.stop()
                raise
        self.code = self._exit_code()

    def look_again(self, share: float) -> None:
        """Run a share of what was known again; other bytes are worse than any failure."""
        auditor = Auditor(self._project, self._store, self._slots, self._watch, self._stopped)
        self.audit = auditor.audit(share, self._executed)
        if self.audit.mismatches:
            self.code = int(ExitCode.NOT_REPRODUCIBLE)
        elif self.stopped:
            self.code = int(ExitCode.BUG)
        elif self.audit.unsettled:
            self.code = self.code or int(ExitCode.TEMPORARY)

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Stop every job on SIGINT and SIGTERM, so that their records say so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kinds = (signal.SIGINT, signal.SIGTERM)
        before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None]
        before = {kind: signal.signal(kind, self._on_signal) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped.set()

    def _start_ready(self, pool: ThreadPoolExecutor) -> bool:
        """Start what can start; returns whether anything was settled without a job."""
        at_work = {job.work.spec.name for job in self._running.values()}
        progress = False
        for spec in self._project.specs.values():
            if spec.name in self._settled or spec.name in at_work or not self._is_ready(spec):
                continue
            if job := self._job(spec):
                self._running[pool.submit(job.run)] = job
            else:
                self._settled.add(spec.name)
                progress = True
        return progress

    def _is_ready(self, spec: Spec) -> bool:
        return all(
            source.repo in self._settled
            for source in spec.sources
            if source.repo in self._project.specs
        )

    def _job(self, spec: Spec) -> Job | None:
        """Make the job of a pipeline whose inputs are settled, if it needs one."""
        if spec.port is not None:
            return None
        if reason := self._obstacle(spec):
            self._skip(spec, reason, ExitCode.BAD_INPUT)
            return None
        try:
            step = assess(self._project, self._store, spec, self._inputs)
            if step.state is State.WAITS:
                self._wait_for(spec, step.reasons)
            if step.work is None or step.state is State.CURRENT:
                return None
            job_id = self._commit_set()
        except (IbidError, OSError) as raised:  # what is wrong with one pipeline costs no other
            error = explain(raised) if isinstance(raised, OSError) else raised
            self._skip(spec, str(error), error.code)
            return None
        return Job(self._project, step.work, step.reasons, job_id, self._slots, self._watch)

    def _obstacle(self, spec: Spec) -> str:
        """Say what before a pipeline keeps it from running; nothing if nothing does."""
        if self._stopped.is_set():
            return "stopped"
        repos = {source.repo for source in spec.sources}
        failed = sorted(r for r in repos if r in self.done and self.done[r].state != SUCCESS)
        if failed:
            return f"{', '.join(failed)} did not succeed"
        left_out = sorted(repos & self.not_run.keys() - self._waiting)
        return f"{', '.join(left_out)} was not run" if left_out else ""

    def _wait_for(self, spec: Spec, lacking: tuple[str, ...]) -> None:
        """Leave out a pipeline whose input holds nothing yet; to wait for a cron is no failure."""
        self._waiting.add(spec.name)
        before = [repo for repo in lacking if repo in self.not_run]
        if before:
            codes = [self._not_run_codes[repo] for repo in before]
            self._skip(spec, f"{', '.join(before)} was not run", max(codes))
        elif crons := [repo for repo in lacking if repo in cron.crons(self._project)]:
            next_tick = cron.next_tick(self._project, self._store, crons[0], datetime.now(UTC))
            when = f"ticks next at {cron.name(next_tick)}" if next_tick else "never ticks"
            self._skip(spec, f"its cron {when}", ExitCode.DONE)
        else:
            self._skip(spec, _nothing_in(lacking), ExitCode.BAD_INPUT)

    def _skip(self, spec: Spec, reason: str, code: ExitCode) -> None:
        self.not_run[spec.name] = reason
        self._not_run_codes[spec.name] = code
        self._watch(NotRun(spec.name, reason))

    def _tend(self) -> None:
        """Keep what has finished; stop what `ibid stop` names, or everything after a signal."""
        for job in self._running.values():
            job.save()
            if self._stopped.is_set() or self._jobs.is_stopping(job.work.spec.name, job.id):
                job.stop()

    def _watch(self, event: Event) -> None:
        """Tell an event; from any thread. What is weaker here is said once."""
        if isinstance(event, Weaker):
            with self._telling:
                if event.part in self._told:
                    return
                self._told.add(event.part)
        self._tell(event)

    def _exit_code(self) -> int:
        if self._stopped.is_set():
            return int(ExitCode.BUG)
        failed = [job.code for job in self.done.values() if job.state != SUCCESS]
        if codes := [*failed, *filter(None, self._not_run_codes.values())]:
            return int(codes[0])
        return int(ExitCode.GATE_REFUSED) if refusals(self._project, self._store) else 0

    def _commit_set(self) -> CommitId:
        """Choose the run's one id: that of the newest input commit, which caused it.

        A new one if a pipeline that is to run has done its part of that set already, as after an
        edit of code.
        """
        if self._set is None:
            heads = [head for head in self._inputs.values() if head]
            newest = max(heads, key=lambda head: head.created).id
            names = [
                step.spec.name
                for step in plan(self._project, self._store)
                if step.state in (State.RUN, State.FOLLOWS)
            ]
            done = any(self._is_done(name, newest) for name in names)
            self._set = new_id() if done else newest
        return self._set

    def _is_done(self, pipeline: str, commit: CommitId) -> bool:
        if self._store.get(pipeline, commit):
            return True
        job = self._jobs.get(pipeline, commit)
        return job is not None and job.state == FAILURE


def refusals(project: Project, store: Store) -> list[Commit]:
    """List the newest outputs that a gate refused: a refusal stands until a later run accepts."""
    heads = filter(None, (store.head(name) for name in project.specs))
    refused = int(ExitCode.GATE_REFUSED)
    return [head for head in heads if json.loads(head.provenance)["exit_code"] == refused]


def _nothing_in(repos: tuple[str, ...]) -> str:
    return f"nothing is committed to {', '.join(repos)}\n\n  hint: ibid put {repos[0]} FOLDER"
