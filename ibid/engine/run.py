"""A run: all that is outstanding, in the order of the DAG, independent pipelines together."""

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
from ibid.engine.plan import State, assess
from ibid.engine.project import Project
from ibid.engine.slots import Slots, cores
from ibid.spec.spec import Spec
from ibid.stage.contract import ExitCode
from ibid.store.commits import CommitId, Store, new_id
from ibid.store.home import Waiting
from ibid.store.jobs import FAILURE, SUCCESS, Jobs

POLL_SECONDS = 0.3


def run(project: Project, store: Store, watch: Watch, waiting: Waiting) -> "Run":
    """Do what is outstanding; waits, and says so, while another process runs.

    Returns the run, which knows what it did and with which exit code to end.
    """
    with project.home.run_lock(waiting):
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


class Run:
    """The jobs that one call starts; all of them share one commit set."""

    def __init__(self, project: Project, store: Store, watch: Watch) -> None:
        self.done: dict[str, JobDone] = {}
        self.not_run: dict[str, str] = {}
        self.code = int(ExitCode.DONE)
        self._project, self._store, self._watch = project, store, watch
        self._jobs = Jobs(store)
        self._slots = Slots(cores())
        self._set = self._newest_input()
        self._settled: set[str] = set()
        self._running: dict[Future[JobDone], Job] = {}
        self._stopped = threading.Event()

    def go(self) -> None:
        """Start each pipeline when all before it is settled, until there is none left.

        Then `code` is that of the first failure, else of a refusal that stands, else 0.
        """
        with ThreadPoolExecutor(max_workers=len(self._project.specs)) as pool:
            while self._start_ready(pool) or self._running:
                finished, _ = wait(self._running, POLL_SECONDS, FIRST_COMPLETED)
                for future in finished:
                    job = self._running.pop(future)
                    self.done[job.work.spec.name] = future.result()
                    self._settled.add(job.work.spec.name)
                self._heed_stops()
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
        ahead = [s.repo for s in spec.sources if s.repo in self.not_run or self._failed(s.repo)]
        if spec.port is not None:
            return None
        if self._stopped.is_set() or ahead:
            self._skip(spec, f"{', '.join(ahead)} did not succeed" if ahead else "stopped")
            return None
        step = assess(self._project, self._store, spec)
        if step.state is State.WAITS:
            self._skip(spec, f"nothing is committed to {', '.join(step.reasons)}")
        if step.work is None or step.state is State.CURRENT:
            return None
        job_id = self._commit_set(spec.name)
        return Job(self._project, step.work, step.reasons, job_id, self._slots, self._watch)

    def _skip(self, spec: Spec, reason: str) -> None:
        self.not_run[spec.name] = reason
        self._watch(NotRun(spec.name, reason))

    def _failed(self, name: str) -> bool:
        return name in self.done and self.done[name].state != SUCCESS

    def _heed_stops(self) -> None:
        """Stop the jobs that `ibid stop` names, or all of them after a signal."""
        for job in self._running.values():
            if self._stopped.is_set() or self._jobs.is_stopping(job.work.spec.name, job.id):
                job.stop()

    def _exit_code(self) -> int:
        if self._stopped.is_set():
            return int(ExitCode.BUG)
        failed = [job.code for job in self.done.values() if job.state != SUCCESS]
        if failed or self.not_run:
            return failed[0] if failed else int(ExitCode.BAD_INPUT)
        return standing_code(self._project, self._store)

    def _newest_input(self) -> CommitId:
        """Name the commit set after the newest input commit, which caused it."""
        heads = [self._store.head(repo) for repo in self._project.inputs]
        newest = max((head for head in heads if head), key=lambda head: head.created, default=None)
        return newest.id if newest else new_id()

    def _commit_set(self, pipeline: str) -> CommitId:
        """Return the set's id; a new one where this pipeline has done its part of the old one."""
        jobs = self._jobs.history(pipeline)
        if any(job.id == self._set and job.state in (SUCCESS, FAILURE) for job in jobs):
            self._set = new_id()
        return self._set


def standing_code(project: Project, store: Store) -> int:
    """Return the accepted exit code that stands at the newest outputs: a refusal stays one."""
    jobs = Jobs(store)
    newest = (next(iter(jobs.history(name)), None) for name in project.specs)
    return max((job.code for job in newest if job and job.state == SUCCESS), default=0)
