"""Our training loop against plain `keras.Model.fit`: images a second, in one run.

Same network, arrays, batch and number of steps; the two take turns, so that whatever else the
machine does hits both, and the medians are compared. Augmentation, which `fit` has none of, is
measured beside them.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from ibid.stage import determinism

PARAMS = {"seed": 1, "determinism": {"level": "strict", "threads": None, "isa": None}}
TARGET = 0.95


def measure(photos: int, size: int, batch: int, rounds: int) -> dict[str, float]:
    """Return the median images a second of `fit`, `loop` and `augmented`, and `loop / fit`."""
    import keras
    import numpy as np

    from bench import epoch
    from components.segmentation import unet
    from components.segmentation.losses import bce_jaccard
    from components.segmentation.recipe import Recipe
    from components.segmentation.training import Trainer

    def model() -> Any:
        return unet.build("plain", size, seed=1, dropout=0.1, bn_momentum=0.9)

    split = epoch.draw(np.random.default_rng(1), photos, size)
    fitted, trainer = model(), Trainer(model())
    fitted.compile(keras.optimizers.Adam(), bce_jaccard, jit_compile=False)

    def fit() -> float:
        begun = time.perf_counter()
        fitted.fit(split.photos, split.masks, batch_size=batch, verbose=0)
        return time.perf_counter() - begun

    def loop(augment: bool) -> float:
        return epoch.learn(trainer, Recipe(1, batch, 1e-3, augment, 1, 0.5, 1), split)

    runs = {"fit": fit, "loop": lambda: loop(False), "augmented": lambda: loop(True)}
    seconds = take_turns(runs, rounds)
    rates = {name: photos / statistics.median(times) for name, times in seconds.items()}
    return {**rates, "ratio": rates["loop"] / rates["fit"]}


def take_turns(runs: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Have the seconds of each run in turn, `rounds` times, after one that only compiles."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, call in runs.items():
            seconds[name].append(call())
    return {name: times[1:] for name, times in seconds.items()}


def main() -> int:
    """Print a table, or JSON; the exit code says whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--photos", type=int, default=192)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    determinism.enter(PARAMS)
    determinism.framework(PARAMS)
    found = measure(args.photos, args.size, args.batch, args.rounds)
    if args.json:
        print(json.dumps({**found, "target": TARGET}))
    else:
        print("images a second")
        for name in ("fit", "loop", "augmented"):
            print(f"  {name:<10}{found[name]:8.1f}")
        print(f"loop / fit {found['ratio']:.2f} (target {TARGET})")
    return 0 if found["ratio"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
