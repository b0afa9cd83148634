"""What determinism costs: a step of training at each level, and on one thread, in one run.

MobileNetV2 U-Net at 128 x 128. A level stands for a whole process, so each has one of its own; they
take turns, a short round each, and the ratio is the median over the rounds: whatever else the
machine does hits all.
Beside them the seconds that recording provenance takes of a job, against a short training.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from ibid.stage import determinism, witness

ROOT = Path(__file__).parents[1]
LEVELS: dict[str, dict[str, Any]] = {
    "fast": {"level": "fast", "threads": None, "isa": None},
    "strict": {"level": "strict", "threads": None, "isa": None},
    "portable": {"level": "portable", "threads": 2, "isa": "AVX2"},
    "one thread": {"level": "strict", "threads": 1, "isa": None},
}
TARGETS = {"strict": 1.05, "portable": 1.15}
PROVENANCE = 0.01


def train(level: str, size: int, batch: int, steps: int) -> None:
    """Train in this process: a round for each line that comes, answered with seconds a step."""
    params = {"seed": 1, "determinism": LEVELS[level]}
    determinism.enter(params)
    determinism.framework(params)
    import numpy as np

    from bench import epoch
    from components.segmentation import unet
    from components.segmentation.recipe import Recipe
    from components.segmentation.training import Trainer

    split = epoch.draw(np.random.default_rng(1), steps * batch, size)
    trainer = Trainer(unet.build("mobilenetv2", size, seed=1, dropout=0.1, bn_momentum=0.9))
    recipe = Recipe(1, batch, 1e-3, False, 1, 0.5, 1)
    for _ in sys.stdin:
        print(epoch.learn(trainer, recipe, split) / steps, flush=True)


def take_turns(size: int, batch: int, steps: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds a step of each round of each level, after one that compiles."""
    command = [sys.executable, "-m", "bench.determinism", f"--size={size}", f"--batch={batch}"]
    started = {
        level: subprocess.Popen(
            [*command, f"--steps={steps}", f"--train={level}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for level in LEVELS
    }
    try:
        seconds: dict[str, list[float]] = {level: [] for level in LEVELS}
        for _ in range(rounds + 1):
            for level, process in started.items():
                seconds[level].append(_round(process))
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    return {level: found[1:] for level, found in seconds.items()}


def _round(process: "subprocess.Popen[str]") -> float:
    asked: IO[str] | None = process.stdin
    told: IO[str] | None = process.stdout
    if asked is None or told is None:
        raise RuntimeError("a process without pipes")
    asked.write("\n")
    asked.flush()
    return float(told.readline())


def _against(level: list[float], fast: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(level, fast, strict=True))


def provenance() -> float:
    """Return the seconds that a job with the framework spends on saying what it was made with.

    The look at the installed packages before it and after it, the stage's own testimony, and the
    record of the commit; the packages were hashed before.
    """
    from ibid.engine import environment, intact, testimony
    from ibid.engine.masking import Mask
    from ibid.engine.memo import Memo
    from ibid.engine.packages import packages
    from ibid.stage.canonical import json_bytes

    determinism.enter({"seed": 1})
    determinism.framework({"seed": 1})
    with tempfile.TemporaryDirectory() as folder:
        memo = Memo(Path(folder, "memo"))
        intact.check(packages("report", memo).identities, memo)
        time.sleep(2.1)  # what has changed a moment ago is not remembered
        packages("report", memo)
        seconds = []
        for _ in range(5):
            begun = time.perf_counter()
            found = packages("report", memo)
            json_bytes(environment.describe(found, True, {}))
            intact.check(found.identities, memo)
            os.environ[witness.FOLDER] = folder
            witness.write(1)
            json_bytes([*testimony.take(Path(folder), Mask()).values()])
            intact.check(found.identities, memo)
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def main() -> int:
    """Print a table, or JSON; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--train", choices=LEVELS, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    if args.train:
        train(args.train, args.size, args.batch, args.steps)
        return 0
    seconds = take_turns(args.size, args.batch, args.steps, args.rounds)
    steps = {level: statistics.median(found) for level, found in seconds.items()}
    ratios = {level: _against(found, seconds["fast"]) for level, found in seconds.items()}
    record, training = provenance(), 240 * steps["strict"]
    found = {"step": steps, "ratio": ratios, "provenance": record, "training": training}
    if args.json:
        print(json.dumps({**found, "targets": TARGETS | {"provenance": PROVENANCE}}))
    else:
        print("level         ms a step   of fast   target")
        for level, step in steps.items():
            target = f"{TARGETS[level]:9.2f}" if level in TARGETS else ""
            print(f"{level:<12}{step * 1000:11.0f}{ratios[level]:10.2f}{target}")
        print(
            f"provenance of a job {record:.2f} s, of 240 steps {record / training:.2%}"
            f" (target {PROVENANCE:.0%})"
        )
    met = all(ratios[level] <= target for level, target in TARGETS.items())
    return 0 if met and record <= PROVENANCE * training else 1


if __name__ == "__main__":
    sys.exit(main())
