"""The record of work: jobs, their datums, and the results that equal keys share."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from ibid.spec.preimage import Digest
from ibid.stage.contract import UsageError
from ibid.store.commits import CommitId, Store

RUNNING, SUCCESS, FAILURE, KILLED = "running", "success", "failure", "killed"
RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Job:
    """One pipeline run over one set of input commits; its id is that of its output commit."""

    pipeline: str
    id: CommitId
    state: str
    reason: str
    started: float
    finished: float | None
    total: int
    skipped: int
    code: int
    error: str
    stopping: int


@dataclass(frozen=True, slots=True)
class DatumRow:
    """How one datum of a job went, and where its part of the log is (bytes from, to)."""

    id: str
    key: str
    state: str
    label: str
    code: int
    error: str
    seconds: float
    log: str
    log_start: int
    log_end: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a key gave once: its output tree and the exit code."""

    key: str
    tree: Digest
    code: int
    seconds: float


_ROW = attrgetter(*(field.name for field in fields(DatumRow)))
_RESULT = attrgetter(*(field.name for field in fields(Result)))


class Jobs:
    """The jobs of one store."""

    def __init__(self, store: Store) -> None:
        self._store, self._database, self._project = store, store.database, store.project

    def start(
        self, pipeline: str, job: CommitId, reason: Sequence[str], total: int, skipped: int
    ) -> None:
        """Write down that a job has begun."""
        self._database.execute(
            "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, 0, '', 0)",
            (self._project, pipeline, job, RUNNING, json.dumps(list(reason)), time.time(), total,
             skipped),
        )  # fmt: skip

    def finish(
        self,
        pipeline: str,
        job: CommitId,
        state: str,
        code: int,
        error: str,
        started: float | None = None,
    ) -> None:
        """Write down how a job has ended, and when its work began, if it was later than asked."""
        self._database.execute(
            "UPDATE jobs SET state = ?, finished = ?, code = ?, error = ?, "
            "started = coalesce(?, started) WHERE project = ? AND pipeline = ? AND id = ?",
            (state, time.time(), code, error, started, self._project, pipeline, job),
        )

    def request_stop(self, pipeline: str, job: CommitId) -> bool:
        """Ask the run that owns a job to stop it; returns False if the job has ended."""
        where = "project = ? AND pipeline = ? AND id = ? AND state = ?"
        found = (self._project, pipeline, job, RUNNING)
        with self._database.transaction():
            self._database.execute(f"UPDATE jobs SET stopping = 1 WHERE {where}", found)  # noqa: S608
            return bool(self._database.query(f"SELECT 1 FROM jobs WHERE {where}", found))  # noqa: S608

    def is_stopping(self, pipeline: str, job: CommitId) -> bool:
        """Tell whether a job was asked to stop."""
        rows = self._database.query(
            "SELECT stopping FROM jobs WHERE project = ? AND pipeline = ? AND id = ?",
            (self._project, pipeline, job),
        )
        return bool(rows and rows[0]["stopping"])

    def end_abandoned(self) -> int:
        """Mark jobs that no process runs any more as killed; the caller holds the run's lock."""
        abandoned = self._select(f"state = '{RUNNING}'")  # as its index says it
        for job in abandoned:
            self.finish(job.pipeline, job.id, KILLED, 1, "the run that owned it ended")
        return len(abandoned)

    def history(self, pipeline: str | None = None) -> list[Job]:
        """List the jobs of one pipeline, or of all, newest first."""
        if pipeline is None:
            return self._select("TRUE ORDER BY rowid DESC")
        return self._select("pipeline = ? ORDER BY rowid DESC", pipeline)

    def newest(self, pipeline: str) -> Job | None:
        """Return the newest job of a pipeline, if there is one."""
        found = self._select("pipeline = ? ORDER BY rowid DESC LIMIT 1", pipeline)
        return found[0] if found else None

    def get(self, pipeline: str, job: CommitId) -> Job | None:
        """Return a job by its whole id."""
        found = self._select("pipeline = ? AND id = ?", pipeline, job)
        return found[0] if found else None

    def resolve(self, name: str) -> Job:
        """Find a job by `PIPELINE@ID`, where ID may be a prefix, or by PIPELINE: its newest."""
        pipeline, _, prefix = name.partition("@")
        if not prefix and (newest := self.newest(pipeline)):
            return newest
        found = self._select("pipeline = ? AND id >= ? AND id < ?", pipeline, prefix, f"{prefix}~")
        if not prefix or len(found) != 1:
            raise UsageError(
                "Expected a job: a pipeline's name, or PIPELINE@ID.",
                received=f"{name}, which {len(found)} jobs match",
                hint="ibid jobs",
            )
        return found[0]

    def results(self, keys: Iterable[str]) -> dict[str, Result]:
        """Look up what keys have given before."""
        found: dict[str, Result] = {}
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ", ".join("?" * len(some))
            rows = self._database.query(
                f"SELECT key, tree, code, seconds FROM results WHERE key IN ({marks})",  # noqa: S608
                some,
            )
            found.update({row["key"]: Result(*row) for row in rows})
        return found

    def record(
        self,
        pipeline: str,
        job: CommitId,
        datums: Sequence[DatumRow],
        results: Sequence[Result] = (),
    ) -> None:
        """Keep datums that were run, and results: durable objects, then one transaction."""
        if results:
            self._store.objects.sync()
        with self._database.transaction():
            self._database.execute_many(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)",
                [_RESULT(result) for result in results],
            )
            self._database.execute_many(
                "INSERT OR REPLACE INTO datums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(self._project, pipeline, job, *_ROW(datum)) for datum in datums],
            )

    def datums(self, pipeline: str, job: CommitId) -> list[DatumRow]:
        """List a job's datums, in the order in which they were recorded."""
        rows = self._database.query(
            "SELECT id, key, state, label, code, error, seconds, log, log_start, log_end "
            "FROM datums WHERE project = ? AND pipeline = ? AND job = ? ORDER BY rowid",
            (self._project, pipeline, job),
        )
        return [DatumRow(*row) for row in rows]

    def _select(self, where: str, *parameters: object) -> list[Job]:
        """Select by a condition of ours, its values bound."""
        columns = "pipeline, id, state, reason, started, finished, total, skipped, code, error"
        rows = self._database.query(
            f"SELECT {columns}, stopping FROM jobs WHERE project = ? AND {where}",  # noqa: S608
            (self._project, *parameters),
        )
        return [Job(*row) for row in rows]
