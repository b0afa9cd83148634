"""Why a stage gives other bytes each time: tried by running it again with one thing let go.

First everything that is known to vary is held: the clock, chance, the order of files, hashes,
addresses and memory, threads, and where it runs. If the stage then repeats itself, one thing after
the other is let go, until the bytes change.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ibid.engine.again import Again, run_again
from ibid.engine.execution import Task
from ibid.engine.setting import GUARDED, Setting, turned
from ibid.engine.slots import Slots
from ibid.engine.work import Work
from ibid.spec.preimage import Digest
from ibid.store.commits import CommitId, new_id
from ibid.store.home import Home

_SAME_ADDRESSES = ("setarch", "-R")  # of util-linux
_HELD_JOB = CommitId("0" * 32)
THREADS = "threads"

# What can be let go, and what to look for in the code. Addresses come first, as letting anything
# else go moves them too; then the likeliest.
CAUSES = {
    "memory addresses": "the address of an object, as in its default repr, or as id() gives it",
    "time": "a clock, or the time of a file, reaches the output",
    "random source": "a generator without a seed of its own: give it the stage's seed",
    "order of files": "a folder's entries as the file system lists them: sort them",
    "hash order": "a set, or a dictionary made of one, is written as it comes: sort it",
    "uninitialised memory": "an array is read before it is filled, as from numpy.empty",
    "where it runs": "a variable, the name of a folder, the time zone, the locale or an id",
    THREADS: "threads that write to one place, or numbers added in the order in which they end",
}
REPEATS = "the same bytes in two settings here"
UNTOLD = "none of what can be held"

MOST = len(CAUSES) + 5  # runs of a datum

Gave = dict[str, tuple[Digest, int] | str]


@dataclass(frozen=True, slots=True)
class Cause:
    """What is likely to make a stage differ, what that means, and in how many runs it was found."""

    name: str
    meaning: str
    runs: int


def find_cause(
    home: Home,
    work: Work,
    tasks: Sequence[Task],
    came_out: Gave,
    stopped: Callable[[], bool],
    say: Callable[[str], None],
) -> Cause:
    """Run datums that differ again until it is told why.

    Args:
        home: where to run.
        work: their job.
        tasks: the datums.
        came_out: what the verify got of them.
        stopped: tells whether to end at once.
        say: is told what each run has shown.
    """
    trial = _Trial(home, work, tasks, stopped)

    def same(what: str, setting: Setting, as_in: Gave) -> bool:
        equal = trial.run(setting) == as_in
        say(f"  {what}: {'the same bytes' if equal else 'other bytes'}")
        return equal

    if same("in one more setting", turned(1, {}), came_out):
        return Cause(
            REPEATS,
            "what is on record came of something else: another environment, something that is "
            "cited no more, or what happens rarely",
            trial.runs,
        )
    held = trial.run(_held())
    if not same("with everything held, twice", _held(), held):
        return Cause(
            UNTOLD,
            "it differs with all of them held: look for chance and threads outside of Python, "
            "for other programs, for the network",
            trial.runs,
        )
    for name in _to_try():
        if not same(f"with {name} let go", _held(free=name), held):
            return Cause(name, CAUSES[name], trial.runs)
    # All cores may give a stage other bits than one does, each time the same: no race is in that.
    free = trial.run(_held(free=THREADS))
    for _ in range(2):  # a race may end the same way twice
        if not same(f"with {THREADS} let go, once more", _held(free=THREADS), free):
            return Cause(THREADS, CAUSES[THREADS], trial.runs)
    return Cause(
        UNTOLD, "each alone changes nothing: it takes several, or happens rarely", trial.runs
    )


class _Trial:
    """Runs the same datums again and again."""

    def __init__(
        self, home: Home, work: Work, tasks: Sequence[Task], stopped: Callable[[], bool]
    ) -> None:
        self._home, self._tasks, self._stopped = home, tasks, stopped
        self._work = work
        self.runs = 0

    def run(self, setting: Setting) -> Gave:
        """Say what came of each; where the folder is held, so are the ids."""
        self.runs += 1
        job = _HELD_JOB if setting.folder else new_id()
        heads = {repo: replace(head, id=job) for repo, head in self._work.heads.items()}
        work = replace(self._work, heads=heads)
        found = run_again(
            self._home, work, job, self._tasks, Slots(1), lambda _: None, self._stopped, setting
        )
        found.forget()
        return gave(found, self._tasks)


def gave(found: Again, tasks: Sequence[Task]) -> Gave:
    """Sum up what came of datums, to be compared."""
    told: Gave = {}
    for task in tasks:
        name, result = task.datum.id, found.results.get(task.key)
        if result:
            told[name] = (result.tree, result.code)
        else:
            told[name] = found.failures.get(name) or found.open.get(name) or "recovered"
    return told


def _to_try() -> Iterator[str]:
    for name in CAUSES:
        if name != THREADS and (name != "memory addresses" or _prefix()):
            yield name


def _held(free: str = "") -> Setting:
    """Return a setting that holds everything but one thing."""
    guarded: dict[str, object] = {
        "listing": "descending" if free == "order of files" else "ascending",
        "clock": 1e9,
        "random": 7,
        "serial": True,
    }
    for name, key in (("time", "clock"), ("random source", "random"), (THREADS, "serial")):
        if free == name:
            del guarded[key]
    elsewhere = turned(2, {}) if free == "where it runs" else Setting()
    variables = {
        **elsewhere.variables,
        "PYTHONHASHSEED": "1" if free == "hash order" else "0",
        "MALLOC_PERTURB_": "90" if free == "uninitialised memory" else "165",
        GUARDED: json.dumps(guarded, sort_keys=True),
    }
    return Setting(
        variables,
        elsewhere.umask,
        () if free == "memory addresses" else _prefix(),
        "" if free == "where it runs" else "held",
    )


def _prefix() -> tuple[str, ...]:
    """Return what stands before a command whose addresses are to be the same; not everywhere."""
    can = (
        shutil.which(_SAME_ADDRESSES[0])
        and not subprocess.run(
            [*_SAME_ADDRESSES, "true"], check=False, capture_output=True
        ).returncode
    )
    return _SAME_ADDRESSES if can else ()
