"""The pipeline `transform` in the engine, against a bare loop over the same photos in one run.

The bare loop decodes, resizes and writes as the stage does, in one process, with no engine, no
contract, no digest: what it does a second on one core, times the cores, is what the engine could
reach at most.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from ibid.stage.canonical import write_png

ROOT = Path(__file__).parents[1]
TARGET = 100.0  # photos a second on two cores
WIDTH, HEIGHT, SIZE = 500, 375, 128


def draw(folder: Path, photos: int) -> None:
    """Draw an upload of photos of one size, as much detail in each as in a real one."""
    draw_from = np.random.default_rng(1)
    for name in ("images", "annotations/trimaps"):
        (folder / name).mkdir(parents=True)
    for number in range(photos):
        coarse = draw_from.integers(0, 256, (HEIGHT // 5, WIDTH // 5, 3), dtype=np.uint8)
        photo = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        photo.save(folder / "images" / f"Drawn_{number}.jpg", quality=90)
        trimap = np.full((HEIGHT, WIDTH), 2, np.uint8)
        trimap[100:300, 100:300] = 1
        Image.fromarray(trimap).save(folder / "annotations" / "trimaps" / f"Drawn_{number}.png")
    (folder / "annotations" / "list.txt").write_text(
        "".join(f"Drawn_{number} 1 1 1\n" for number in range(photos))
    )


def bare(folder: Path, out: Path) -> float:
    """Do the stage's work on pixels in a plain loop; returns photos a second."""
    paths = sorted((folder / "images").iterdir())
    begun = time.perf_counter()
    for path in paths:
        with Image.open(path) as photo:
            small = photo.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX)
        write_png(out / f"{path.stem}.png", np.array(small))
        with Image.open(folder / "annotations" / "trimaps" / f"{path.stem}.png") as mask:
            trimap = np.array(mask.resize((SIZE, SIZE), Image.Resampling.NEAREST))
        channels = (trimap[..., None] == np.arange(1, 4)).astype(np.uint8)
        write_png(out / f"{path.stem}-mask.png", channels * 255)
    return len(paths) / (time.perf_counter() - begun)


def engine(folder: Path, home: Path) -> float:
    """Run ingest and transform; returns transform's photos a second, commit included."""
    environment = os.environ | {"IBID_HOME": str(home), "IBID_PIPELINE": "pets"}

    def ibid(*arguments: str) -> str:
        command = [sys.executable, "-m", "ibid.cli", *arguments]
        # The run fails after transform: drawn squares are no data set to train on.
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
        ).stdout

    ibid("put", "stream", str(folder), "--no-run")
    ibid("params", "train.batch_size=100000", "tune.batch_sizes=[100000]", "--commit", "--no-run")
    jobs = json.loads(ibid("run", "--json"))["jobs"]
    job = next(job for job in jobs if job["pipeline"] == "transform")
    return len(list((folder / "images").iterdir())) / float(job["seconds"])


def measure(photos: int) -> dict[str, float]:
    """Return photos a second of the bare loop on one core, and of the engine on all."""
    with contextlib.ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upload, out = base / "upload", base / "out"
        out.mkdir()
        draw(upload, photos)
        first = bare(upload, out)
        measured = engine(upload, base / "home")
        second = bare(upload, out)
    cores = len(os.sched_getaffinity(0))
    bare_rate = (first + second) / 2
    return {
        "bare_one_core": bare_rate,
        "engine": measured,
        "cores": cores,
        "ratio": measured / (bare_rate * cores),
    }


def main() -> int:
    """Print a table, or JSON; the exit code says whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--photos", type=int, default=600)
    args = parser.parse_args()
    found = measure(args.photos)
    if args.json:
        print(json.dumps({**found, "target": TARGET}))
    else:
        print(f"transform, photos of {WIDTH} x {HEIGHT} a second")
        print(f"  bare loop, one core   {found['bare_one_core']:8.1f}")
        print(
            f"  engine, {found['cores']:.0f} cores       {found['engine']:8.1f}  (target {TARGET})"
        )
        print(f"  engine / bare x cores {found['ratio']:8.2f}")
    return 0 if found["engine"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
