"""The datums of one job, run in as many workers as spec, cores and datums allow.

Each finished datum is kept in the store, under its key, as soon as may be: a run that is killed
loses only what was at work.
"""

import errno
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ibid.engine import scratch
from ibid.engine.datums import Datum
from ibid.engine.events import DatumDone, Watch, Weaker
from ibid.engine.sandbox import OWN, WEAKER, Sandbox
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.engine.worker import Outcome, Place, Worker
from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError, ExitCode, IbidError, TemporaryError
from ibid.store.commits import CommitId
from ibid.store.home import Home
from ibid.store.jobs import FAILURE, SUCCESS, DatumRow, Jobs, Result
from ibid.store.trees import Entry

FLUSH_SECONDS = 0.5
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """A datum that has to be run, with its key."""

    datum: Datum
    key: Digest


class Execution:
    """The running of tasks; `results` and `failures` hold what came of them.

    `began` is when the first worker got its cores, in seconds since the epoch; `expired` whether
    the job's time was over before its work was done; `weaker` the parts of the sandbox that the
    kernel refused.
    """

    def __init__(self, home: Home, work: Work, job: CommitId, slots: Slots, watch: Watch) -> None:
        self.results: list[Result] = []
        self.failures: list[tuple[Datum, Outcome]] = []
        self.weaker: set[str] = set()
        self.stopped = self.expired = False
        self.began: float | None = None
        self._until: float | None = None
        self.logs = home.logs / f"{work.spec.name}@{job}"
        self._home = home
        self._folder = home.scratch
        self._work, self._job, self._slots, self._watch = work, job, slots, watch
        self._store, self._jobs = work.store, Jobs(work.store)
        self._waiting: deque[Task] = deque()
        self._workers: list[Worker] = []
        self._unsaved: tuple[list[DatumRow], list[Result]] = ([], [])
        self._saved = time.monotonic()
        self._lock = threading.Lock()

    def run(self, tasks: Sequence[Task]) -> None:
        """Run tasks until all have ended or the execution is stopped."""
        self._waiting.extend(tasks)
        place = scratch.choose(self._home, [task.datum for task in tasks])
        self._folder = place / f"{self._work.spec.name}@{self._job}"
        code = self._folder / "code"
        count = min(self._work.spec.parallelism, self._slots.total, len(tasks))
        try:
            self._store.trees.checkout(self._work.code, code)
            with ThreadPoolExecutor(max(1, count)) as pool:
                # A worker's process dies with the thread that started it: each thread has its own.
                for done in [pool.submit(self._work_through, n, code) for n in range(count)]:
                    done.result()
        except OSError as error:
            raise _not_stored(error) from error
        finally:
            scratch.remove(self._folder)
            self.save(force=True)

    def stop(self) -> None:
        """End every process and start no more; from any thread."""
        with self._lock:
            self.stopped = True
            self._waiting.clear()
            workers = list(self._workers)
        for worker in workers:
            worker.kill()

    def _work_through(self, number: int, code: Path) -> None:
        """Run tasks in one worker until none waits."""
        folder = self._folder / str(number)
        with self._slots.lend(self._work.spec.cpu):
            self._begin()
            place = Place(
                code=code,
                folder=folder,
                log=self.logs / f"{number}.log",
                sandbox=self._sandbox(code, folder),
                group=scratch.group_prefix(self._home),
            )
            worker = Worker(self._work.spec, place, self._say_weaker)
            with self._lock:
                self._workers.append(worker)
            try:
                while task := self._take():
                    self._run_task(worker, task, folder / "pfs")
            finally:
                worker.close()

    def _begin(self) -> None:
        """Start the job's clock, with its first worker: waiting for cores is nobody's fault."""
        with self._lock:
            if self.began is None:
                self.began = time.time()
                if limit := self._work.spec.job_timeout:
                    self._until = time.monotonic() + limit

    def _sandbox(self, code: Path, folder: Path) -> Sandbox:
        """Say what a worker's stage may touch; an effect may change the world, but not the home."""
        spec, pfs = self._work.spec, folder / "pfs"
        writable = [pfs / "out", *(folder / name for name in OWN)]
        protected: list[Path] = []
        if spec.effect:
            self._home.deployed.mkdir(exist_ok=True)
            writable.append(self._home.deployed)
            memory = scratch.in_memory(self._home)
            protected = [self._home.path, *([memory] if memory.exists() else [])]
        for path in (pfs, *writable):
            path.mkdir(parents=True, exist_ok=True)
        return Sandbox(
            cwd=folder / "work",
            readable=(code, pfs),
            writable=tuple(writable),
            protected=tuple(protected),
            network=spec.network or spec.effect,
        )

    def _say_weaker(self, part: str, reason: str) -> None:
        with self._lock:
            if part in self.weaker:
                return
            self.weaker.add(part)
        self._watch(Weaker(part, WEAKER[part], reason))

    def _take(self) -> Task | None:
        with self._lock:
            if self.stopped or not self._waiting:
                return None
            if self._is_late():
                self.expired = True
                return None
            return self._waiting.popleft()

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _run_task(self, worker: Worker, task: Task, pfs: Path) -> None:
        started = time.monotonic()
        log_start = worker.log_size()
        result = None
        try:
            outcome = self._try(worker, task.datum, pfs)
            if outcome.own and outcome.code in self._work.spec.accept and not self.stopped:
                tree = self._output(pfs)
                result = Result(task.key, tree.digest, outcome.code, time.monotonic() - started)
        except OSError as failed:
            error = _not_stored(failed)
            outcome = Outcome(int(error.code), str(error))
        except IbidError as error:
            outcome = Outcome(int(error.code), str(error))
        self.expired |= not outcome.own and self._is_late()
        self._clear(pfs)
        row = DatumRow(
            id=task.datum.id,
            key=task.key,
            state=SUCCESS if result else FAILURE,
            label=task.datum.label,
            code=outcome.code,
            error=outcome.error,
            seconds=time.monotonic() - started,
            log=worker.log.name,
            log_start=log_start,
            log_end=worker.log_size(),
        )
        self._keep(task, row, result, outcome)

    def _output(self, pfs: Path) -> Entry:
        """Store what the stage wrote; raises BadInputError where that cannot be kept."""
        if not (pfs / "out").is_dir() or (pfs / "out").is_symlink():
            raise BadInputError("Expected the stage to leave its output a folder.")
        return self._store.trees.add(pfs / "out", within=pfs)

    def _try(self, worker: Worker, datum: Datum, pfs: Path) -> Outcome:
        """Run a datum; again, up to `datum_tries`, where it failed for a reason that may pass."""
        outcome = Outcome(ExitCode.BUG, "not run")
        for attempt in range(self._work.spec.tries):
            if attempt:
                time.sleep(RETRY_SECONDS * attempt)
                self._clear(pfs)
            self._lay_out(datum, pfs)
            outcome = worker.run(pfs, self._variables(datum, pfs), self._until)
            if outcome.code != ExitCode.TEMPORARY or self.stopped:
                break
        return outcome

    def _lay_out(self, datum: Datum, pfs: Path) -> None:
        """Lay out a datum's inputs as copies: nothing that a stage does reaches the store."""
        for item in datum.items:
            self._store.trees.checkout(item.entry, pfs / item.input / item.path.strip("/"))

    def _clear(self, pfs: Path) -> None:
        """Take out inputs and output; the folders stay, since a stage has them mounted."""
        scratch.empty(pfs, keep="out")
        scratch.empty(pfs / "out")

    def _variables(self, datum: Datum, pfs: Path) -> dict[str, str]:
        """Say what Pachyderm says to a datum by its environment; for foreign code."""
        paths = {item.input: str(pfs / item.input / item.path.strip("/")) for item in datum.items}
        commits = {f"{item.input}_COMMIT": self._work.heads[item.repo].id for item in datum.items}
        told = {
            "PACH_JOB_ID": self._job,
            "PACH_OUTPUT_COMMIT_ID": self._job,
            "PACH_DATUM_ID": datum.id,
            "PPS_PIPELINE_NAME": self._work.spec.name,
        }
        if self._work.spec.effect:
            told["DEPLOY_FOLDER"] = str(self._home.deployed)
        return paths | commits | told

    def _keep(self, task: Task, row: DatumRow, result: Result | None, outcome: Outcome) -> None:
        with self._lock:
            self._unsaved[0].append(row)
            if result:
                self.results.append(result)
                self._unsaved[1].append(result)
            else:
                self.failures.append((task.datum, outcome))
        self.save()
        self._watch(DatumDone(self._work.spec.name, row.label, row.code))

    def save(self, *, force: bool = False) -> None:
        """Make finished datums durable, several in one go; from any thread."""
        with self._lock:
            if not any(self._unsaved) or (
                not force and time.monotonic() - self._saved < FLUSH_SECONDS
            ):
                return
            self._saved = time.monotonic()
            (rows, results), self._unsaved = self._unsaved, ([], [])
        self._jobs.record(self._work.spec.name, self._job, rows, results)


def _not_stored(error: OSError) -> IbidError:
    """Say why inputs could not be laid out, or output not be stored."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TemporaryError(
            "Expected room on the disk for a datum's inputs and output.",
            received=error,
            hint="free some space; `ibid run` then goes on where it stopped",
        )
    return IbidError("Expected to read and store what the stage left.", received=error)
