"""The datums of one job, run in as many workers as spec, cores and datums allow.

Each finished datum is kept in the store, under its key, as soon as may be: a run that is killed
loses only what was at work.
"""

import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from ibid.engine import layout, scratch, secrets
from ibid.engine.datums import Datum
from ibid.engine.events import DatumDone, Watch
from ibid.engine.process import Outcome, Worker, recovery
from ibid.engine.secrets import Secrets
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError, ExitCode, IbidError
from ibid.store.commits import CommitId
from ibid.store.disk import shortage
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
    `began` is when the first worker got its cores, in seconds since the epoch.
    """

    def __init__(self, home: Home, work: Work, job: CommitId, slots: Slots, watch: Watch) -> None:
        self.results: list[Result] = []
        self.failures: list[tuple[Datum, Outcome]] = []
        self.recovered = 0
        self.stopped = False
        self.began: float | None = None
        self.logs = home.logs / f"{work.spec.name}@{job}"
        self._home = home
        self._folder = home.scratch
        self._work, self._job, self._slots, self._watch = work, job, slots, watch
        self._store, self._jobs = work.store, Jobs(work.store)
        self._secrets = Secrets()
        self._waiting: deque[Task] = deque()
        self._workers: list[Worker] = []
        self._unsaved: tuple[list[DatumRow], list[Result]] = ([], [])
        self._saved = time.monotonic()
        self._lock = threading.Lock()

    def run(self, tasks: Sequence[Task]) -> None:
        """Run tasks until all have ended or the execution is stopped."""
        self._secrets = secrets.load(self._home, self._work.spec)
        self._waiting.extend(tasks)
        place = scratch.choose(self._home, [task.datum for task in tasks])
        # Not the folder of an earlier attempt: what a killed one has left running may write there.
        self._folder = place / f"{self._work.spec.name}@{self._job}-{uuid.uuid4().hex[:8]}"
        code = self._folder / "code"
        count = min(self._work.spec.parallelism, self._slots.total, len(tasks))
        try:
            self._store.trees.checkout(self._work.code, code)
            with ThreadPoolExecutor(max(1, count)) as pool:
                # A worker's process dies with the thread that started it: each thread has its own.
                for done in [pool.submit(self._work_through, n, code) for n in range(count)]:
                    done.result()
        finally:
            self.save(force=True)
            shutil.rmtree(self._folder, ignore_errors=True)

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
            self.began = self.began or time.time()
            log, modules = self.logs / f"{number}.log", self._work.modules
            worker = Worker(self._work.spec, modules, code, folder, log, self._secrets)
            with self._lock:
                self._workers.append(worker)
            try:
                while task := self._take():
                    self._run_task(worker, task, folder / "pfs")
            finally:
                worker.close()

    def _take(self) -> Task | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting and not self.stopped else None

    def _run_task(self, worker: Worker, task: Task, pfs: Path) -> None:
        started = time.monotonic()
        log_start = worker.log_size()
        outcome = self._try(worker, task.datum, pfs)
        result = None
        accepted = outcome.own and outcome.code in self._work.spec.accept
        if accepted and not self.stopped:
            try:
                tree = self._output(task.datum, pfs)
                result = Result(task.key, tree.digest, outcome.code, time.monotonic() - started)
            except IbidError as error:
                outcome = Outcome(int(error.code), str(error))
        recovered = not accepted and self._recover(worker, task.datum, pfs)
        if result is None and (full := shortage(pfs)):
            outcome = replace(outcome, error=f"{outcome.error}\n  {full}")
        shutil.rmtree(pfs)
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

    def _recover(self, worker: Worker, datum: Datum, pfs: Path) -> bool:
        """Ask the spec's `err_cmd` whether the job can do without a datum that failed for good."""
        if not self._work.spec.err_cmd or self.stopped:
            return False
        helper = worker.beside(recovery(self._work.spec))
        with self._lock:
            self._workers.append(helper)
        try:
            self._lay_out(datum, pfs)
            outcome = helper.run(pfs, self._variables(datum, pfs))
        finally:
            helper.close()
            with self._lock:
                self._workers.remove(helper)
        return outcome.own and outcome.code == ExitCode.DONE

    def _output(self, datum: Datum, pfs: Path) -> Entry:
        """Store what the stage wrote; raises BadInputError where that cannot be kept."""
        if not (pfs / "out").is_dir() or (pfs / "out").is_symlink():
            raise BadInputError("Expected the stage to leave its output a folder.")
        layout.fill(self._store.trees, datum, pfs)
        self._secrets.check_output(pfs / "out")
        return self._store.trees.add(pfs / "out", within=pfs)

    def _try(self, worker: Worker, datum: Datum, pfs: Path) -> Outcome:
        """Run a datum; again, up to `datum_tries`, where it failed for a reason that may pass."""
        outcome = Outcome(ExitCode.BUG, "not run")
        for attempt in range(self._work.spec.tries):
            time.sleep(RETRY_SECONDS * attempt)
            self._lay_out(datum, pfs)
            outcome = worker.run(pfs, self._variables(datum, pfs))
            outcome = replace(outcome, error=self._secrets.mask.text(outcome.error))
            if outcome.code != ExitCode.TEMPORARY or self.stopped:
                break
        return outcome

    def _lay_out(self, datum: Datum, pfs: Path) -> None:
        """Lay out a datum's inputs, and an empty folder for its output."""
        shutil.rmtree(pfs, ignore_errors=True)
        (pfs / "out").mkdir(parents=True)
        for item in datum.items:
            layout.lay_out(self._store.trees, item, pfs)

    def _variables(self, datum: Datum, pfs: Path) -> dict[str, str]:
        """Say what Pachyderm says to a datum by its environment; for foreign code."""
        paths = {item.input: str(pfs / item.input / item.path.strip("/")) for item in datum.items}
        commits = {f"{item.input}_COMMIT": self._work.heads[item.repo].id for item in datum.items}
        values = {f"PACH_DATUM_{i.input}_JOIN_ON": i.join_on for i in datum.items if i.join_on}
        values |= {f"PACH_DATUM_{i.input}_GROUP_BY": i.group_by for i in datum.items if i.group_by}
        told = {
            "PACH_JOB_ID": self._job,
            "PACH_OUTPUT_COMMIT_ID": self._job,
            "PACH_DATUM_ID": datum.id,
            "PPS_PIPELINE_NAME": self._work.spec.name,
        }
        if self._work.spec.effect:
            told["DEPLOY_FOLDER"] = str(self._home.deployed)
        return paths | commits | values | told

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
        """Make finished datums durable, several in one go; from any thread."""
        with self._lock:
            if not any(self._unsaved) or (
                not force and time.monotonic() - self._saved < FLUSH_SECONDS
            ):
                return
            self._saved = time.monotonic()
            (rows, results), self._unsaved = self._unsaved, ([], [])
        self._jobs.record(self._work.spec.name, self._job, rows, results)
