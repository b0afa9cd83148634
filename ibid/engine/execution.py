"""The datums of one job, run in as many workers as spec, cores and datums allow.

Each finished datum is kept in the store, under its key, as soon as may be: a run that is killed
loses only what was at work.
"""

import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ibid.engine import intact, layout, scratch, secrets, testimony, variables
from ibid.engine.datums import Datum
from ibid.engine.events import DatumDone, Watch, Weaker
from ibid.engine.intact import AlteredError
from ibid.engine.memo import Memo
from ibid.engine.place import Place, make_place
from ibid.engine.sandbox import WEAKER
from ibid.engine.secrets import Secrets
from ibid.engine.setting import USUAL, Setting
from ibid.engine.slots import Slots
from ibid.engine.state import States
from ibid.engine.work import Work
from ibid.engine.worker import Outcome, Worker, recovery
from ibid.spec.preimage import Digest
from ibid.stage.contract import STATE, BadInputError, ExitCode, IbidError
from ibid.store.commits import CommitId
from ibid.store.disk import explain, shortage
from ibid.store.home import Home
from ibid.store.jobs import FAILURE, RECOVERED, SUCCESS, DatumRow, Jobs, Result
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

    `recovered` counts the datums that failed and that the spec's `err_cmd` lets the job do without.
    `began` is when the first worker got its cores, in seconds since the epoch; `expired` whether
    the job's time was over before its work was done; `weaker` the parts of the sandbox that the
    kernel refused; `in_force` what the stage's processes found in force, by its bytes. Without
    `keep` nothing of it goes into the record of work. `setting` is how the stage is started.
    """

    def __init__(
        self,
        home: Home,
        work: Work,
        job: CommitId,
        slots: Slots,
        watch: Watch,
        *,
        keep: bool = True,
        setting: Setting = USUAL,
    ) -> None:
        self.results: list[Result] = []
        self.failures: list[tuple[Datum, Outcome]] = []
        self.recovered = 0
        self.weaker: set[str] = set()
        self.in_force: dict[bytes, Any] = {}
        self.expired = False
        self.began: float | None = None
        self._until: float | None = None
        self.logs = home.logs_of(work.spec.name, job)
        self._home = home
        self._folder = home.scratch
        self._work, self._job, self._slots, self._watch = work, job, slots, watch
        self._keeps, self._setting = keep, setting
        self._store, self._jobs = work.store, Jobs(work.store)
        # A batch's process outlives its datums, what an effect did is done, and what is not kept
        # is run to be compared: none of them goes on from anything.
        goes_on = keep and not work.spec.batching and not work.spec.effect
        self._states = States(home, work.store, work.spec.name) if goes_on else None
        self._secrets = Secrets()
        self._waiting: deque[Task] = deque()
        self._workers: list[Worker] = []
        self._unsaved: tuple[list[DatumRow], list[Result]] = ([], [])
        self._saved = time.monotonic()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped it."""
        return self._stopping.is_set()

    def run(self, tasks: Sequence[Task]) -> None:
        """Run tasks until all have ended or the execution is stopped.

        Raises AlteredError if the installed packages are not, or are no longer, what the keys cite.
        """
        self._check_packages()
        self._secrets = secrets.load(self._home, self._work.spec)
        self._waiting.extend(tasks)
        if self._states:
            self._states.begin({task.key for task in tasks})
        place = scratch.choose(self._home, [task.datum for task in tasks])
        # Not the folder of an earlier attempt: what a killed one has left running may write there.
        name = self._setting.folder or f"{self._job}-{uuid.uuid4().hex[:8]}"
        self._folder = place / f"{self._work.spec.name}@{name}"
        code = self._folder / "code"
        count = min(self._work.spec.parallelism, self._slots.total, len(tasks))
        try:
            self._store.trees.checkout(self._work.code, code)
            with ThreadPoolExecutor(max(1, count)) as pool:
                # A worker's process dies with the thread that started it: each thread has its own.
                for done in [pool.submit(self._work_through, n, code) for n in range(count)]:
                    done.result()
            if not self._keeps:  # what is kept is checked as it is saved
                self._check_packages()
        finally:
            try:
                self.save(force=True)
                if self._states:
                    self._states.settle()
            finally:
                scratch.remove(self._folder)

    def stop(self) -> None:
        """End every process and start no more; from any thread."""
        with self._lock:
            self._stopping.set()
            self._waiting.clear()
            workers = list(self._workers)
        for worker in workers:
            worker.kill()

    def _work_through(self, number: int, code: Path) -> None:
        """Run tasks in one worker until none waits."""
        folder = self._folder / str(number)
        with self._slots.lend(self._work.spec.cpu):
            self._begin()
            place = self._place(code, folder, folder / "pfs")
            worker = Worker(self._work.spec, place, self._say_weaker, self._setting)
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

    def _place(self, code: Path, folder: Path, pfs: Path) -> Place:
        """Make the place of a worker; for an `err_cmd`, beside the one whose datum failed."""
        log = self.logs / f"{pfs.parent.name}.log"
        return make_place(self._home, self._work, self._secrets, code, folder, pfs, log)

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
            return None if self._expire() else self._waiting.popleft()

    def _expire(self) -> bool:
        """Tell whether the job's time is over, for what is not done; the job then says so."""
        over = self._until is not None and time.monotonic() >= self._until
        if over:
            self.expired = True
        return over

    def _run_task(self, worker: Worker, task: Task, pfs: Path) -> None:
        started = time.monotonic()
        log_start = worker.log_size()
        result, recovered = None, False
        try:
            outcome = self._try(worker, task, pfs)
            self._hear(worker)
            accepted = outcome.own and outcome.code in self._work.spec.accept
            if accepted and not self.stopped:
                tree = self._output(task.datum, pfs)
                result = Result(task.key, tree.digest, outcome.code, time.monotonic() - started)
            elif not accepted:
                recovered, outcome = self._recover(worker, task.datum, pfs, outcome)
        except OSError as failed:
            error = explain(failed)
            outcome = Outcome(int(error.code), str(error))
        except IbidError as refused:
            outcome = Outcome(int(refused.code), str(refused))
        if result is None and (full := shortage(pfs)):
            outcome = replace(outcome, error=f"{outcome.error}\n  {full}")
        if not outcome.own:
            self._expire()
        try:
            self._clear(pfs)
        except OSError as failed:
            result, recovered = None, False
            outcome = Outcome(ExitCode.BUG, f"{outcome.error}\n{explain(failed)}".strip())
        # Whoever said it, a stage or the system, may have been told the value of a secret.
        outcome = replace(outcome, error=self._secrets.mask.text(outcome.error))
        row = DatumRow(
            id=task.datum.id,
            key=task.key,
            state=SUCCESS if result else RECOVERED if recovered else FAILURE,
            label=task.datum.label,
            code=outcome.code,
            error=outcome.error,
            seconds=time.monotonic() - started,
            log=worker.log.name,
            log_start=log_start,
            log_end=worker.log_size(),
        )
        self._keep(task, row, result, outcome)

    def _hear(self, worker: Worker) -> None:
        told = testimony.take(worker.place.folder / testimony.FOLDER, self._secrets.mask)
        with self._lock:
            self.in_force |= told

    def _recover(
        self, worker: Worker, datum: Datum, pfs: Path, failed: Outcome
    ) -> tuple[bool, Outcome]:
        """Ask the spec's `err_cmd` whether the job can do without a datum that failed for good.

        Returns whether it can, and how the datum failed; with what became of the helper, if not.
        """
        if not self._work.spec.err_cmd or self.stopped or self._expire():
            return False, failed
        place = self._place(worker.place.code, worker.place.folder / "recovery", pfs)
        spec = recovery(self._work.spec)
        helper = Worker(spec, place, self._say_weaker, self._setting)
        with self._lock:
            self._workers.append(helper)
        try:
            outcome = self._execute(helper, datum, pfs)
        finally:
            helper.close()
            with self._lock:
                self._workers.remove(helper)
        if outcome.own and outcome.code == ExitCode.DONE:
            return True, failed
        if not outcome.own:
            self._expire()
        return False, replace(failed, error=f"{failed.error}\nerr_cmd: {outcome.error}".strip())

    def _output(self, datum: Datum, pfs: Path) -> Entry:
        """Store what the stage wrote; raises BadInputError where that cannot be kept."""
        if not (pfs / "out").is_dir() or (pfs / "out").is_symlink():
            raise BadInputError("Expected the stage to leave its output a folder.")
        layout.fill(self._store.trees, datum, pfs)
        self._secrets.check_output(pfs / "out")
        return self._store.trees.add(pfs / "out", within=pfs)

    def _try(self, worker: Worker, task: Task, pfs: Path) -> Outcome:
        """Run a datum; again, up to `datum_tries`, where it failed for a reason that may pass."""
        state = self._states.make(task.key) if self._states else None
        outcome = Outcome(ExitCode.BUG, "not run")
        for attempt in range(self._work.spec.tries):
            if attempt:
                self._pause(RETRY_SECONDS * attempt)
                if self.stopped or self._expire():
                    break
            outcome = self._execute(worker, task.datum, pfs, state)
            if outcome.code != ExitCode.TEMPORARY or self.stopped:
                break
        return outcome

    def _execute(
        self, worker: Worker, datum: Datum, pfs: Path, state: Path | None = None
    ) -> Outcome:
        """Run a datum once, its inputs laid out anew; `state` is what it may go on from."""
        self._clear(pfs)
        self._lay_out(datum, pfs)
        told = variables.of_datum(self._home, self._work, self._job, datum, pfs)
        if state:
            told[STATE] = str(state)
        return worker.run(told, self._until, state)

    def _pause(self, seconds: float) -> None:
        """Wait before another try; no longer than the job goes on."""
        left = seconds if self._until is None else self._until - time.monotonic()
        self._stopping.wait(max(0.0, min(seconds, left)))

    def _lay_out(self, datum: Datum, pfs: Path) -> None:
        """Lay out a datum's inputs as copies: nothing that a stage does reaches the store."""
        places = Counter((item.input, item.path) for item in datum.items)
        if twice := [f"{name}{path}" for (name, path), count in places.items() if count > 1]:
            raise BadInputError(
                "Expected each file of a datum in a place of its own.",
                received=f"two at {twice[0]}",
                hint="give the inputs different names in pipeline.yaml, then run `ibid specs`",
            )
        for item in datum.items:
            layout.lay_out(self._store.trees, item, pfs)

    def _clear(self, pfs: Path) -> None:
        """Take out inputs and output; the folders stay, since a stage has them mounted."""
        scratch.empty(pfs, keep="out")
        scratch.empty(pfs / "out")

    def _keep(self, task: Task, row: DatumRow, result: Result | None, outcome: Outcome) -> None:
        with self._lock:
            self._unsaved[0].append(row)
            if result:
                self.results.append(result)
                self._unsaved[1].append(result)
            elif row.state == RECOVERED:
                self.recovered += 1
            else:
                self.failures.append((task.datum, outcome))
        self.save()
        self._watch(DatumDone(self._work.spec.name, row.label, row.code))

    def save(self, *, force: bool = False) -> None:
        """Make finished datums durable, several in one go; from any thread.

        Not while a package is altered that they were made with: that fails the job at its end.
        """
        with self._lock:
            if not any(self._unsaved) or (
                not force and time.monotonic() - self._saved < FLUSH_SECONDS
            ):
                return
            self._saved = time.monotonic()
            (rows, results), self._unsaved = self._unsaved, ([], [])
        if not self._keeps:
            return
        try:
            self._check_packages()
            self._jobs.record(self._work.spec.name, self._job, rows, results)
        except BaseException as failed:  # the next call may do better
            with self._lock:
                kept = self._unsaved
                self._unsaved = ([*rows, *kept[0]], [*results, *kept[1]])
            if force or not isinstance(failed, AlteredError):
                raise

    def _check_packages(self) -> None:
        intact.check(self._work.environment["packages"], Memo(self._home.memo))
