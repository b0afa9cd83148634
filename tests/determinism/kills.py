"""Training and search, killed at any moment or done by more processes, end in the same bytes.

Every kill is a SIGKILL of a process, after a random while; then the stage is started again with the
same state folder, and killed again, until so many kills are through.
"""

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.segmentation import dataset
from components.tune import hyperband, stage
from components.tune.crew import Crew
from components.tune.parameters import Parameters
from components.tune.scores import Scores
from ibid.stage import determinism
from tests.determinism.table import Table
from tests.unit.components import tiny_pets

HEADER = ("what", "kills", "went on", "bytes")
TRAIN = {"epochs": 40, "batch_size": 4, "early_stopping_patience": 40}
SEARCH = {
    "augment": True,
    "dropout": 0.1,
    "bn_momentum": 0.9,
    "backbone": None,
    "max_epochs": 3,
    "eta": 3,
    "brackets": 1,  # three trials, then one
    "batch_sizes": [4],
}


def prove(kills: int = 3, seed: int = 1) -> Table:
    """Kill train and tune, and search with one, two and three processes."""
    dice = random.Random(seed)
    with TemporaryDirectory() as folder:
        base = Path(folder)
        world = _world(base / "world")
        rows = [_killed(name, world, base / name, kills, dice) for name in ("train", "tune")]
        tables = {size: _search(world, base, size) for size in (1, 2, 3)}
    told = [repr(tables[size]) == repr(tables[1]) for size in tables]
    rows += [
        (f"tune, {size} at once", "0", "", "the same" if same else "OTHERS")
        for size, same in zip(tables, told, strict=True)
    ]
    wrong = tuple(f"{row[0]} gave other bytes" for row in rows if row[-1] != "the same")
    return Table("Killed and started again, by more or fewer processes", HEADER, tuple(rows), wrong)


def _world(folder: Path) -> Path:
    tiny_pets.write_split(folder / "transform" / "training", 8)
    tiny_pets.write_split(folder / "transform" / "validation", 3)
    (folder / "weights").mkdir()
    (folder / "weights" / "weights.json").write_text('{"version": 1, "weights": []}')
    return folder


def _params(name: str) -> dict[str, Any]:
    return tiny_pets.defaults(name) | (TRAIN if name == "train" else SEARCH)


def _killed(name: str, world: Path, base: Path, kills: int, dice: random.Random) -> tuple[str, ...]:
    """Run a stage once without a kill, and once with; says whether the bytes are the same."""
    done = tiny_pets.start(name, world, base / "straight", _params(name))
    assert done.returncode == 0, done.stderr
    killed = went_on = 0
    while True:
        went_on += any((base / "state").glob("*"))
        after = dice.randrange(1, 4) if killed < kills else None
        if not _is_killed(name, world, base, after, dice.random() / 10):
            break
        killed += 1
    same = tiny_pets.files(base / "out") == tiny_pets.files(base / "straight")
    kept = "the same" if same and went_on else "OTHERS" if went_on else "NEVER WENT ON"
    return (name, str(killed), str(went_on), kept)


def _is_killed(name: str, world: Path, base: Path, after: int | None, seconds: float) -> bool:
    """Start a stage, and kill it so many seconds after so many lines, unless it ends before."""
    inputs = {entry.name: entry for entry in sorted(world.iterdir())}
    inputs["params"] = base / "straight-params.json"
    named = [f"--in={input_name}={path}" for input_name, path in inputs.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", f"components.{name}", *named, f"--out={base / 'out'}",
         f"--state={base / 'state'}"],
        env=tiny_pets.environment(), stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for number, _ in enumerate(process.stdout, start=1):
        if number == after:
            time.sleep(seconds)
            os.killpg(process.pid, signal.SIGKILL)
    if process.wait() not in (0, -signal.SIGKILL):
        raise AssertionError(f"{name} ended with {process.returncode}")
    return process.returncode != 0


def _search(world: Path, base: Path, size: int) -> list[Any]:
    """Search with so many processes; returns the table."""
    params = _params("tune")
    parameters = Parameters.of(params)
    splits = [dataset.load(world / "transform" / name) for name in ("training", "validation")]
    folder = base / f"at-once-{size}"
    folder.mkdir()
    determinism.enter(params)
    plan = hyperband.schedule(parameters.max_epochs, parameters.eta, parameters.brackets)
    given = (params, dict.fromkeys(parameters.encoders), *splits, folder, "proof")
    with Crew(partial(stage.prepare, *given), size) as crew:
        return stage.search(plan, crew, Scores(folder / "scores", "proof"), folder)
