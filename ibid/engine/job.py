"""One job: skip the datums whose key is known, run the others, commit the union."""

import logging
import time
from pathlib import Path

from ibid.engine import record
from ibid.engine.events import ALL_RECOVERED, JobDone, JobStarted, Watch
from ibid.engine.execution import Execution, Task
from ibid.engine.project import Project
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.spec.sources import kinds
from ibid.stage.contract import BadInputError, ExitCode, IbidError
from ibid.store.commits import Commit, CommitId
from ibid.store.disk import explain
from ibid.store.jobs import FAILURE, KILLED, SUCCESS, Jobs, Result


class Job:
    """A pipeline run over one set of input commits."""

    def __init__(
        self,
        project: Project,
        work: Work,
        reasons: tuple[str, ...],
        job_id: CommitId,
        slots: Slots,
        watch: Watch,
    ) -> None:
        self.work, self.id = work, job_id
        self._request = project.requests[work.spec.name]
        self._reasons, self._watch = reasons, watch
        self._jobs = Jobs(work.store)
        self._execution = Execution(project.home, work, job_id, slots, watch)

    def run(self) -> JobDone:
        """Run the job to its end; its record and its commit are in the store when it returns."""
        started, spec = time.time(), self.work.spec
        # What an effect did once may have been undone since: its results are never taken as known.
        known = {} if spec.effect else self._jobs.results(self.work.keys)
        self._begin(known)
        before = self.work.store.head(spec.name)
        digest, error, state, code = None, "", SUCCESS, 0
        try:
            commit = self._commit(known, started)
            digest, code = commit.tree, self._accepted_code(known)
        except (IbidError, OSError) as raised:
            failed = explain(raised) if isinstance(raised, OSError) else raised
            state = KILLED if self._execution.stopped else FAILURE
            code, error = int(failed.code), str(failed)
        except Exception as bug:  # a border: one pipeline's end is not the run's
            state, code, error = FAILURE, int(ExitCode.BUG), f"{type(bug).__name__}: {bug}"
            logging.getLogger(__name__).exception("%s: a bug of the engine", spec.name)
        if state != SUCCESS:
            self._jobs.finish(spec.name, self.id, state, code, error, self._execution.began)
        done = JobDone(
            pipeline=spec.name,
            state=state,
            seconds=time.time() - (self._execution.began or started),
            code=code,
            error=error,
            digest=digest,
            same=before is not None and before.tree == digest,
            recovered=self._execution.recovered,
            warnings=self._warnings(known) if state == SUCCESS else (),
        )
        self._watch(done)
        return done

    def stop(self) -> None:
        """End the job as soon as its processes are dead; from any thread."""
        self._execution.stop()

    def save(self) -> None:
        """Keep what has finished so far; from any thread."""
        self._execution.save()

    @property
    def executed(self) -> set[str]:
        """The keys of the datums that it has run, and not found."""
        return {result.key for result in self._execution.results}

    @property
    def logs(self) -> Path:
        """The folder that holds a log a worker."""
        return self._execution.logs

    def _begin(self, known: dict[str, Result]) -> None:
        name, keys = self.work.spec.name, self.work.keys
        skipped = sum(key in known for key in keys)
        self._jobs.start(name, self.id, self._reasons, len(keys), skipped)
        self._watch(JobStarted(name, self._reasons, len(keys), skipped, self.logs))

    def _commit(self, known: dict[str, Result], started: float) -> Commit:
        """Run what is not known, then commit the union; raises IbidError if that cannot be."""
        if not self.work.datums:
            raise BadInputError("Expected at least one datum.", received=self._none_found())
        pairs = zip(self.work.datums, self.work.keys, strict=True)
        tasks = [Task(datum, key) for datum, key in pairs if key not in known]
        if tasks:
            self._execution.run(tasks)
        if self._execution.stopped:
            raise IbidError("The job was stopped.", hint="ibid run goes on where it stopped")
        if self._execution.expired:
            raise self._expired(len(tasks))
        if self._execution.failures:
            raise self._failed()
        known.update({result.key: result for result in self._execution.results})
        kept = (known[key].tree for key in self.work.keys if key in known)
        tree = self.work.store.trees.merge(kept)
        text = record.of_output(
            self.work,
            self._request,
            self.id,
            code=self._accepted_code(known),
            started=started,
            recovered=self._execution.recovered,
            warnings=self._warnings(known),
            weaker=self._execution.weaker,
            in_force=self._execution.in_force,
        )
        store, name = self.work.store, self.work.spec.name
        store.objects.sync()
        with store.database.transaction():  # the output and the job's end are shown together
            commit = store.show(name, self.id, tree, text)
            began, code = self._execution.began, self._accepted_code(known)
            self._jobs.finish(name, self.id, SUCCESS, code, "", began)
        return commit

    def _accepted_code(self, known: dict[str, Result]) -> int:
        """Say with which code the job ends; of datums that were recovered none counts."""
        return max((known[key].code for key in self.work.keys if key in known), default=0)

    def _warnings(self, known: dict[str, Result]) -> tuple[str, ...]:
        return () if any(key in known for key in self.work.keys) else (ALL_RECOVERED,)

    def _none_found(self) -> str:
        found = (
            f"{source.repo}@{self.work.heads[source.repo].id[:8]} has nothing at "
            f"{source.glob.pattern}"
            for source in self.work.spec.sources
            if source.repo in self.work.heads
        )
        joined = "; or no values of join_on are equal" * ("join" in kinds(self.work.spec.input))
        return "none: one of " + "; ".join(found) + joined

    def _expired(self, total: int) -> IbidError:
        spec, done = self.work.spec, len(self._execution.results)
        return IbidError(
            f"Expected the job to end within job_timeout, {spec.job_timeout:g} s.",
            received=f"{done} of {total} datums done by then; they are kept",
            hint=f"`ibid run` goes on where it stopped; or raise job_timeout of {spec.name} in "
            "pipeline.yaml and run `ibid specs`",
        )

    def _failed(self) -> IbidError:
        """Say which datum failed first and why, with the exit code that it ended with."""
        failures, name = self._execution.failures, self.work.spec.name
        datum, outcome = failures[0]
        error = IbidError(
            f"{len(failures)} of {len(self.work.datums)} datums failed; the first, {datum.label}:"
            f"\n  {outcome.error.strip()}",
            hint=f"ibid logs {name}@{self.id[:8]} --datum {datum.id[:8]}",
        )
        error.code = _exit_code(outcome.code)
        return error


def _exit_code(code: int) -> ExitCode:
    """Keep a code of the contract; any other end of a process is a bug."""
    return ExitCode(code) if code in {*ExitCode} - {ExitCode.DONE} else ExitCode.BUG
