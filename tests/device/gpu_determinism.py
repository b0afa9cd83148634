"""Train under JAX, on a GPU if there is one: twice with deterministic flags, once without.

    python tests/device/gpu_determinism.py [--pets 96] [--size 128] [--epochs 3] [--batch 16]

Prints the device, a digest of the weights after each run, whether the two deterministic ones are
equal, and what determinism costs as a ratio of the median time of a step. Ends with 5 if they
differ. It draws its own photos, and needs only jax, numpy, pillow and keras with what that needs.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = {"deterministic": "strict", "deterministic again": "strict", "not deterministic": "fast"}
WARM_UP = 3  # steps that compile and tune


def main() -> int:
    """Start each run in a process of its own, since flags are read once; returns the exit code."""
    args = _arguments()
    if args.level:
        print(json.dumps(_train(args)))
        return 0
    found = {name: _start(level) for name, level in RUNS.items()}
    first, again, plain = found.values()
    print(f"device: {first['device']}; jax {first['jax']}, keras {first['keras']}")
    print(f"{args.backbone}, {args.size} px, batch {args.batch}, {first['steps']} steps")
    for name, run in found.items():
        milliseconds = 1000 * run["seconds"]
        print(f"{name:20} {run['digest'][:16]}  loss {run['loss']:.9f}  {milliseconds:.1f} ms/step")
    same = first["digest"] == again["digest"]
    print(f"two deterministic runs: {'the same bits' if same else 'DIFFERENT'}")
    other = "the same bits" if plain["digest"] == first["digest"] else "other bits"
    print(f"without the flags: {other}")
    cost = statistics.median([first["seconds"], again["seconds"]]) / plain["seconds"]
    print(f"cost: {cost:.3f} of the time without")
    return 0 if same else 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pets", type=int, default=96)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--level", help=argparse.SUPPRESS)
    return parser.parse_args()


def _start(level: str) -> dict:
    command = [sys.executable, __file__, *sys.argv[1:], "--level", level]
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _train(args: argparse.Namespace) -> dict:
    """Train through the one door, as the stage does; returns what there is to say of it."""
    from ibid.stage import determinism

    params = {"seed": 42, "determinism": {"level": args.level, "threads": None, "isa": None}}
    determinism.enter(params)
    determinism.framework(params)
    import jax
    import keras

    from components.segmentation import unet
    from components.segmentation.recipe import Recipe
    from components.segmentation.training import Trainer

    drawn = _draw(args.pets, args.size)
    model = unet.build(args.backbone, args.size, seed=42, dropout=0.2, bn_momentum=0.9)
    recipe = Recipe(
        seed=42,
        batch_size=args.batch,
        learning_rate=0.001,
        augment=True,
        plateau_patience=9,
        plateau_factor=0.5,
        early_stopping_patience=99,
    )
    trainer, ends = Trainer(model), [time.perf_counter()]
    start = trainer.start(model, recipe)
    steps = trainer.epochs(
        recipe, start, args.epochs, drawn, drawn, lambda _: ends.append(time.perf_counter())
    )
    *_, last = steps
    took = [after - before for before, after in pairwise(ends)]
    each = len(took) // args.epochs  # an epoch's steps, and its end
    whole = [seconds for i, seconds in enumerate(took) if (i + 1) % each and i >= WARM_UP]
    return {
        "device": str(jax.devices()[0].device_kind),
        "jax": jax.__version__,
        "keras": keras.__version__,
        "digest": hashlib.sha256(json.dumps(last.fingerprints).encode()).hexdigest(),
        "loss": last.history[-1]["loss"],
        "steps": last.steps,
        "seconds": statistics.median(whole),
    }


def _draw(pets: int, size: int):
    """Draw photos with their masks, as ingest and transform would leave them."""
    import numpy as np
    from PIL import Image

    from components.sample.breeds import BREEDS
    from components.sample.photograph import take
    from components.segmentation import masks, photos
    from components.segmentation.augmentation import generator
    from components.segmentation.dataset import Split

    taken = [take(BREEDS[i % len(BREEDS)], generator("drawn", i)) for i in range(pets)]
    return Split(
        tuple(f"pet_{i}" for i in range(pets)),
        np.stack([photos.resize(Image.fromarray(each.pixels), size) for each in taken]),
        np.stack([masks.to_channels(masks.resize(each.trimap, size)) for each in taken]),
        ({},) * pets,
    )


if __name__ == "__main__":
    sys.exit(main())
