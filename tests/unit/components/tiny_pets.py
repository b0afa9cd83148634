"""A tiny world for the stages after training: models of a few weights, photos of 32 x 32."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
SIZE = 32
INTERPOLATED = {
    "seed": 7,
    "determinism": {"level": "strict", "threads": 2, "isa": None},
}

BUILD = """
import sys
import keras
for seed, path in enumerate(sys.argv[1:]):
    keras.utils.set_random_seed(seed)
    photo = keras.Input((32, 32, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 255)(photo)
    hidden = keras.layers.Conv2D(4, 5, padding="same", activation="relu")(scaled)
    keras.Model(photo, keras.layers.Conv2D(3, 1, activation="softmax")(hidden)).save(path)
"""


def write_split(folder: Path, pets: int) -> None:
    """Write photos of a bright pet on a dark ground, with their masks, as transform does."""
    random = np.random.default_rng(pets)
    for pet in range(pets):
        box = np.zeros((SIZE, SIZE), bool)
        top, left = random.integers(2, 14, 2)
        box[top : top + 14, left : left + 12] = True
        inner = np.roll(box, 1, 0) & np.roll(box, -1, 0) & np.roll(box, 1, 1) & np.roll(box, -1, 1)
        mask = np.stack([inner, ~box, box & ~inner], axis=-1) * np.uint8(255)
        light = np.where(box[..., None], 190, 60) + random.integers(-50, 50, (SIZE, SIZE, 3))
        home = folder / f"pet_{pet}"
        home.mkdir(parents=True)
        Image.fromarray(light.astype(np.uint8)).save(home / "image.png")
        Image.fromarray(mask).save(home / "mask.png")
        (home / "metadata.json").write_text("{}")


def write_models(*folders: Path) -> None:
    """Save one untrained model in each folder, each with other weights."""
    for folder in folders:
        folder.mkdir(parents=True)
    paths = [str(folder / "model.keras") for folder in folders]
    subprocess.run([sys.executable, "-c", BUILD, *paths], check=True, env=environment())


def defaults(stage: str) -> dict[str, Any]:
    """Read a stage's parameters from its conf, with the two that all stages share."""
    conf = yaml.safe_load((ROOT / "pipelines/pets/conf" / f"{stage}.yaml").read_text())
    return {name: INTERPOLATED.get(name, value) for name, value in conf.items()}


def environment(**changes: str) -> dict[str, str]:
    """Say in which environment a stage is started."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    quiet = {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**plain, **quiet, "PYTHONHASHSEED": "0", **changes}


def start(
    stage: str, world: Path, output: Path, params: dict[str, Any], **changes: str
) -> subprocess.CompletedProcess[str]:
    """Start a stage as a launcher does: every folder of a world is an input of its name."""
    output.parent.mkdir(parents=True, exist_ok=True)
    file = output.with_name(f"{output.name}-params.json")
    file.write_text(json.dumps(params))
    inputs = {entry.name: entry for entry in sorted(world.iterdir())} | {"params": file}
    named = [word for name, path in inputs.items() for word in ("--in", f"{name}={path}")]
    return subprocess.run(
        [sys.executable, "-m", f"components.{stage}", *named, "--out", str(output)],
        cwd=output.parent,
        env=environment(**changes),
        text=True,
        capture_output=True,
        check=False,
    )


def start_twice(stage: str, world: Path, base: Path) -> list[dict[str, bytes]]:
    """Run a stage in two environments, each with a home and a temporary folder of its own.

    Returns both outputs, after checking that nothing was left in those folders.
    """
    outputs = []
    for number, changes in enumerate([{"TZ": "Asia/Tokyo"}, {"PYTHONHASHSEED": "99"}]):
        run = base / str(number)
        homes = {name: str(run / name) for name in ("HOME", "TMPDIR")}
        for folder in homes.values():
            Path(folder).mkdir(parents=True)
        done = start(stage, world, run / "out", defaults(stage), **homes, **changes)
        assert done.returncode == 0, done.stderr
        assert {name: files(run / name) for name in homes} == {"HOME": {}, "TMPDIR": {}}
        outputs.append(files(run / "out"))
    return outputs


def files(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
