"""A run: all that is outstanding, in the order of the DAG, independent pipelines together."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType

from ibid.engine import scratch
from ibid.engine.events import JobDone, NotRun, Watch
from ibid.engine.inputs import commit_initial
from ibid.engine.job import Job
from ibid.engine.plan import State, Step, assess, input_heads, plan
from ibid.engine.project import Project
from ibid.engine.slots import Slots, cores
from ibid.spec.spec import Spec
from ibid.stage.contract import ExitCode, IbidError
from ibid.store.commits import Commit, CommitId, Store, new_id
from ibid.store.home import Waiting
from ibid.store.jobs import FAILURE, SUCCESS, Jobs

POLL_SECONDS = 0.3


def run(project: Project, store: Store, watch: Watch, waiting: Waiting) -> "Run":
    """Do what is outstanding; waits, and says so, while another process runs.

    Returns the run, which knows what it did and with which exit code to end.
    """
    with project.home.run_lock(waiting):
        _clear_incoming(store)
        with store.lock.shared():
            return _run(project, store, watch)


def _run(project: Project, store: Store, watch: Watch) -> "Run":
    Jobs(store).end_abandoned()
    scratch.clear(project.home)
    commit_initial(project, store)
    this = Run(project, store, watch)
    try:
        with this.stopping_on_signals():
            this.go()
    finally:
        scratch.clear(project.home)
    return this


def _clear_incoming(store: Store) -> None:
    """Remove what processes that were killed have left half written, if none writes now."""
    with store.lock.alone_if_free() as alone:
        for path in store.objects.incoming() if alone else []:
            path.unlink()


class Run:
    """The jobs that one call starts; all of them share one commit set."""

    def __init__(self, project: Project, store: Store, watch: Watch) -> None:
        self.done: dict[str, JobDone] = {}
        self.not_run: dict[str, str] = {}
        self.code = int(ExitCode.DONE)
        self._not_run_codes: list[int] = []
        self._project, self._store, self._watch = project, store, watch
        self._jobs = Jobs(store)
        self._slots = Slots(cores())
        self._inputs = input_heads(project, store)
        self._set: CommitId | None = None
        self._settled: set[str] = set()
        self._running: dict[Future[JobDone], Job] = {}
        self._stopped = threading.Event()

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
                        self._settled.add(job.work.spec.name)
                    self._tend()
            except BaseException:
                self._stopped.set()
                self._tend()
                raise
        self.code = self._exit_code()

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
                self._skip(spec, _nothing_in(step), ExitCode.BAD_INPUT)
            if step.work is None or step.state is State.CURRENT:
                return None
            job_id = self._commit_set()
        except IbidError as error:  # what is wrong with one pipeline costs no other
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
        left_out = sorted(repos & self.not_run.keys())
        return f"{', '.join(left_out)} was not run" if left_out else ""

    def _skip(self, spec: Spec, reason: str, code: ExitCode) -> None:
        self.not_run[spec.name] = reason
        self._not_run_codes.append(int(code))
        self._watch(NotRun(spec.name, reason))

    def _tend(self) -> None:
        """Keep what has finished; stop what `ibid stop` names, or everything after a signal."""
        for job in self._running.values():
            job.save()
            if self._stopped.is_set() or self._jobs.is_stopping(job.work.spec.name, job.id):
                job.stop()

    def _exit_code(self) -> int:
        if self._stopped.is_set():
            return int(ExitCode.BUG)
        failed = [job.code for job in self.done.values() if job.state != SUCCESS]
        if codes := failed + self._not_run_codes:
            return codes[0]
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
        jobs = self._jobs.history(pipeline)
        return any(job.id == commit and job.state == FAILURE for job in jobs)


def refusals(project: Project, store: Store) -> list[Commit]:
    """List the newest outputs that a gate refused: a refusal stands until a later run accepts."""
    heads = filter(None, (store.head(name) for name in project.specs))
    refused = int(ExitCode.GATE_REFUSED)
    return [head for head in heads if json.loads(head.provenance)["exit_code"] == refused]


def _nothing_in(step: Step) -> str:
    repos = ", ".join(step.reasons)
    return f"nothing is committed to {repos}\n\n  hint: ibid put {step.reasons[0]} FOLDER"
