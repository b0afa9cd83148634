"""Many trials, two at a time, from one seed: which harm each scene meets, and what came of it."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.torture import faults, killing
from tests.torture.faults import Fault
from tests.torture.killing import Kill
from tests.torture.project import Ended, Project, end
from tests.torture.trial import Harm, Scene, attempt, scenes

AT_ONCE = 2
PROGRESS = 100
WRITES = {"write", "pwrite", "sendfile"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One harm that one scene meets; `kind` is its line in the table."""

    scene: Scene
    kind: str
    name: str
    harm: Harm


class Campaign:
    """A folder with the project, its scenes, and the library that makes faults.

    `library` is None where there is no C compiler: then there are no trials at exact calls.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.broken: list[str] = []
        self.done: Counter[tuple[str, str]] = Counter()
        self.project = Project(folder / "project", texts=2)
        self.scenes = scenes(self.project, folder)
        self.library = faults.build(folder)
        self._folder, self._seed, self._dice = folder, seed, random.Random(seed)
        self._homes = (folder / f"home{number}" for number in count())

    def random_kills(self, name: str, number: int) -> list[Trial]:
        """Draw kills of a scene at random moments."""
        scene = self.scenes[name]
        seconds = killing.measure(self.project, scene, self._home(scene))
        kills = [killing.drawn(self._dice, scene) for _ in range(number)]
        return [
            Trial(
                scene,
                f"SIGKILL to the {kill.victim}",
                str(kill),
                self._struck(scene, kill, seconds),
            )
            for kill in kills
        ]

    def kills_at_calls(self, name: str, every: int = 1) -> list[Trial]:
        """Kill a scene's command before each of its calls, or before each `every`-th."""
        return list(self._at_calls(name, Fault(0, "kill"), every))

    def torn_writes(self, name: str, every: int = 1) -> list[Trial]:
        """Kill a scene's command in the middle of each of its writes."""
        return list(self._at_calls(name, Fault(0, "tear"), every, WRITES))

    def errors(self, name: str, how: str, error: str, every: int = 1) -> list[Trial]:
        """Let each call of a scene's command fail; see Fault for `how`."""
        return list(self._at_calls(name, Fault(0, how, error), every))

    def go(self, trials: Sequence[Trial], say: Callable[[str], None]) -> None:
        """Make the trials; what they break is said at once and kept."""

        def make(trial: Trial, home: Path) -> list[str]:
            return attempt(self.project, trial.scene, home, trial.harm)

        homes = [next(self._homes) for _ in trials]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(make, trials, homes)
            for number, trial, complaints in zip(count(1), trials, results, strict=False):
                self.done[trial.scene.name, trial.kind] += 1
                if number % PROGRESS == 0:
                    say(f"{number} of {len(trials)} trials")
                for complaint in complaints:
                    self.broken.append(f"{trial.scene.name}, {trial.name}: {complaint}")
                    say(self.broken[-1])

    def meet(self, scene: Scene, home: Path, fault: Fault | None) -> Ended:
        """Run a scene's command over a home with a fault, or only count its calls."""
        if self.library is None:
            raise RuntimeError("there is no C compiler to make faults with")
        given = faults.variables(self.library, home, fault, home.with_suffix(".calls"))
        return end(self.project.start(home, *scene.command, **given))

    def calls(self, name: str) -> list[str]:
        """List the calls that a scene's command makes in peace."""
        home = self._home(self.scenes[name])
        self.meet(self.scenes[name], home, None)
        return faults.calls(home.with_suffix(".calls"))

    def _at_calls(
        self, name: str, fault: Fault, every: int, wanted: Collection[str] = ()
    ) -> Iterator[Trial]:
        """Spread a fault over a scene's calls: which of `every` come is the seed's choice."""
        if self.library is None:
            return
        scene, kind = self.scenes[name], f"{fault.how} {fault.error}".strip()
        numbers = [n for n, call in enumerate(self.calls(name), 1) if not wanted or call in wanted]
        for number in numbers[self._seed % every :: every]:
            this = Fault(number, fault.how, fault.error)
            yield Trial(scene, kind, str(this), self._met(scene, this))

    def _struck(self, scene: Scene, kill: Kill, seconds: float) -> Harm:
        return lambda home: killing.strike(self.project, scene, home, kill, seconds)

    def _met(self, scene: Scene, fault: Fault) -> Harm:
        return lambda home: self.meet(scene, home, fault)

    def _home(self, scene: Scene) -> Path:
        home = next(self._homes)
        if scene.before is not None:
            shutil.copytree(scene.before, home)
        return home
