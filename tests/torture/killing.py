"""Harm at a random moment: the whole command is killed, or a stage that it has started."""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.torture import invariants
from tests.torture.project import Ended, Project, end
from tests.torture.trial import Scene

POLL_SECONDS = 0.002
VICTIMS = ("command", "stage", "stage and command")


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed, and when: `moment` is a share of the time that the command takes in peace."""

    victim: str
    moment: float

    def __str__(self) -> str:
        return f"kill the {self.victim} at {self.moment:.3f} of its time"


def drawn(dice: random.Random, scene: Scene) -> Kill:
    """Draw a kill; only a command that runs something has stages."""
    victims = VICTIMS if "run" in scene.name else VICTIMS[:1]
    return Kill(dice.choice(victims), dice.uniform(0, 1))


def measure(project: Project, scene: Scene, home: Path) -> float:
    """Return the seconds that a scene's command takes in peace."""
    begun = time.monotonic()
    end(project.start(home, *scene.command))
    return time.monotonic() - begun


def strike(project: Project, scene: Scene, home: Path, kill: Kill, seconds: float) -> Ended:
    """Start the command and kill at the moment; where no stage is at work, at the next one."""
    process = project.start(home, *scene.command)
    time.sleep(kill.moment * seconds)
    if kill.victim != "command":
        _kill_a_stage(process, home)
    if kill.victim != "stage":
        process.kill()
    return end(process)


def _kill_a_stage(process: "subprocess.Popen[str]", home: Path) -> None:
    while process.poll() is None:
        for stage in invariants.processes(home):
            with suppress(ProcessLookupError):
                os.kill(int(stage), signal.SIGKILL)
                return
        time.sleep(POLL_SECONDS)
