"""Work for a crew that needs no framework: other processes have to be able to import it."""

import os
import random
import signal
import time
from pathlib import Path

from components.tune.scores import Score, Training
from ibid.stage.contract import BadInputError


def prepare(folder: Path, how: str, seed: int):
    """Return what scores a trial, after a while that changes with the seed."""
    dice = random.Random(seed * 1000 + os.getpid())
    match how:
        case "refused at first":
            raise BadInputError("Expected a better start.", received=1, hint="try another")
        case "no memory at first":
            raise MemoryError("none left")

    def score(asked: Training) -> Score:
        with (folder / "log").open("a") as log:
            log.write(f"{asked.trial} {asked.epochs} {os.getpid()}\n")
        time.sleep(dice.random() / 20)
        if asked.trial == 2:
            fail(folder, how)
        return Score(1 / (2 + asked.trial * 7 % 5) + asked.epochs / 100, 0.25)

    return score


def fail(folder: Path, how: str) -> None:
    """Fail, or not."""
    first = not (folder / "failed").exists()
    (folder / "failed").touch()
    match how:
        case "killed once" if first:
            os.kill(os.getpid(), signal.SIGKILL)
        case "killed always":
            os.kill(os.getpid(), signal.SIGKILL)
        case "refused":
            raise BadInputError("Expected a better trial.", received=2, hint="try another")
        case "bug":
            raise ZeroDivisionError("trial 2")
