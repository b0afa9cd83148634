"""Datums that were run once, run again: what they give is told, and none of it goes on record."""

import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibid.engine import scratch
from ibid.engine.events import Watch
from ibid.engine.execution import Execution, Task
from ibid.engine.setting import USUAL, Setting
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.engine.worker import Outcome
from ibid.stage.contract import ExitCode, TemporaryError
from ibid.store.commits import CommitId
from ibid.store.disk import explain
from ibid.store.home import Home
from ibid.store.jobs import Result

POLL_SECONDS = 0.3
# Signals of a program's own mistakes; others are sent, by an operator or for want of memory.
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


@dataclass(frozen=True, slots=True)
class Again:
    """What came of some datums.

    `results` are by key; `failures` are those that the stage itself ended for good, `open`
    those of which nothing is known: they ended for a reason that may pass, or were not run. Both
    are by the datum's id, with the reason. `recovered` counts those that the job can do without;
    `in_force` is what the stage's processes found in force.
    """

    results: Mapping[str, Result]
    failures: Mapping[str, str]
    open: Mapping[str, str]
    recovered: int
    weaker: frozenset[str]
    in_force: tuple[Mapping[str, Any], ...]
    logs: Path

    def forget(self) -> None:
        """Remove what was printed: no job is its owner, so nothing else would."""
        if self.logs.exists():
            scratch.remove(self.logs)


def run_again(
    home: Home,
    work: Work,
    job: CommitId,
    tasks: Sequence[Task],
    slots: Slots,
    watch: Watch,
    stopped: Callable[[], bool],
    setting: Setting = USUAL,
) -> Again:
    """Run datums until they have ended, or until they are to be stopped.

    Raises IbidError where nothing can be run, and trying again will not help.
    """
    execution = Execution(home, work, job, slots, watch, keep=False, setting=setting)
    words = _execute(execution, tasks, stopped)
    results = {result.key: result for result in execution.results}
    ended = {datum.id: outcome for datum, outcome in execution.failures}
    failures: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for task in tasks:
        outcome = ended.get(task.datum.id)
        if outcome and _is_final(outcome):
            failures[task.datum.id] = outcome.error
        elif outcome:
            unknown[task.datum.id] = outcome.error
        elif task.key not in results and words:  # without words it was recovered
            unknown[task.datum.id] = words
    return Again(
        results,
        failures,
        unknown,
        execution.recovered,
        frozenset(execution.weaker),
        tuple(execution.in_force[said] for said in sorted(execution.in_force)),
        execution.logs,
    )


def _is_final(outcome: Outcome) -> bool:
    crashed = outcome.code - 128 in _CRASHES
    return crashed or (outcome.own and outcome.code != ExitCode.TEMPORARY)


def _execute(execution: Execution, tasks: Sequence[Task], stopped: Callable[[], bool]) -> str:
    """Run tasks until they have ended or are to be stopped; says why some were not, if so."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(execution.run, tasks)
        try:
            while wait([running], POLL_SECONDS).not_done:
                if stopped():
                    execution.stop()
        except BaseException:
            execution.stop()
            raise
    try:
        running.result()
    except TemporaryError as error:
        return str(error)
    except OSError as error:
        return str(explain(error))
    if execution.stopped:
        return "stopped"
    return "not run within job_timeout" if execution.expired else ""
