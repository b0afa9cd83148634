"""`ibid run` with nothing to do over 7,390 pets, and what planning three more costs.

The pets are the drawn sample many times over under other names, and the stages that train do so for
one epoch: what an idle run costs does not depend on either. Making them takes some minutes; a home
that was made before can be named.
"""

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.timing import ROOT, ibid, timed

PETS = 7390
IDLE, MORE = 0.5, 0.5  # seconds at most: an idle run; planning three more pets, beyond that
QUICK = [
    *("preset=tiny", "train.epochs=1", "train.batch_size=64", "model.epochs=1"),
    *("tune.batch_sizes=[64]", "tune.max_epochs=2", "tune.eta=2", "tune.brackets=1"),
    *("release.minimum.mean_iou=0", "release.minimum.accuracy=0"),
]


def draw(base: Path) -> Path:
    """Draw the sample once; returns its folder, unpacked."""
    command = [sys.executable, "-m", "components.sample", str(base / "packed")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in ("images.tar.gz", "annotations.tar.gz"):
        with tarfile.open(base / "packed" / name) as archive:
            archive.extractall(base / "sample", filter="data")
    return base / "sample"


def multiply(sample: Path, target: Path, first: int, count: int) -> Path:
    """Lay out so many pets, numbered from `first`, each a copy of one of the sample."""
    stems = sorted(path.stem for path in (sample / "images").iterdir())
    (target / "images").mkdir(parents=True)
    (target / "annotations" / "trimaps").mkdir(parents=True)
    lines = []
    for number in range(first, first + count):
        stem = stems[number % len(stems)]
        name = f"{stem.rpartition('_')[0]}_{number}"
        for folder, suffix in (("images", "jpg"), ("annotations/trimaps", "png")):
            os.link(sample / folder / f"{stem}.{suffix}", target / folder / f"{name}.{suffix}")
        lines.append(f"{name} 1 1 1\n")
    (target / "annotations" / "list.txt").write_text("".join(lines))
    return target


def prepare(sample: Path, base: Path, home: dict[str, str], pets: int) -> None:
    """Put many pets and run everything once."""
    upload = multiply(sample, base / "many", 10_000, pets)
    for command in (
        ibid("put", "stream", upload, "--no-run"),
        ibid("params", *QUICK, "--commit", "--no-run"),
    ):
        timed(command, ROOT, home)
    subprocess.run(ibid("run"), cwd=ROOT, env=os.environ | home, check=False, capture_output=True)


def plan_three(sample: Path, base: Path, home: dict[str, str]) -> dict[str, float]:
    """Put three pets and run until transform has done them.

    Returns the seconds from the start to ingest's job, and from its end to transform's, and how
    many datums each ran.
    """
    upload = multiply(sample, base / f"three-{time.time_ns()}", time.time_ns(), 3)
    timed(ibid("put", "stream", upload, "--no-run"), ROOT, home)
    begun = time.time()
    running = subprocess.Popen(
        ibid("run"),
        cwd=ROOT,
        env=os.environ | home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with closing(sqlite3.connect(Path(home["IBID_HOME"]) / "ibid.db", timeout=60)) as database:
        rows: dict[str, tuple[float, float, int]] = {}
        while len(rows) < 2 and running.poll() is None:
            time.sleep(0.02)
            rows = {
                name: values
                for name, *values in database.execute(
                    "SELECT pipeline, started, finished, total - skipped FROM jobs WHERE "
                    "started > ? AND finished > 0 AND pipeline IN ('ingest', 'transform')",
                    (begun,),
                )
            }
    running.send_signal(signal.SIGTERM)
    running.wait()
    ingest, transform = rows["ingest"], rows["transform"]
    return {
        "to_ingest": ingest[0] - begun,
        "to_transform": transform[0] - ingest[1],
        "ingest_datums": ingest[2],
        "transform_datums": transform[2],
    }


def measure(base: Path, home: Path, pets: int) -> dict[str, float]:
    """Return the median seconds of an idle run, and what three pets more cost."""
    sample, variables = draw(base), {"IBID_HOME": str(home), "IBID_PIPELINE": "pets"}
    if not home.exists():
        prepare(sample, base, variables, pets)
    # It ends with the code of the newest release's gate.
    code = subprocess.run(
        ibid("run"), cwd=ROOT, env=os.environ | variables, check=False, capture_output=True
    ).returncode
    idle = [timed(ibid("run"), ROOT, variables, code=code).seconds for _ in range(7)]
    found = plan_three(sample, base, variables)
    found["idle"] = statistics.median(idle)
    found["more"] = found["to_ingest"] + found["to_transform"] - found["idle"]
    python = [timed([sys.executable, "-c", "import typer, rich.table"], ROOT) for _ in range(7)]
    found["imports"] = statistics.median(each.seconds for each in python)
    return found


def main() -> int:
    """Print a table, or JSON; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pets", type=int, default=PETS)
    parser.add_argument("--home", type=Path, help="A store that an earlier call has made.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), args.home or Path(name) / "home", args.pets)
    if args.json:
        print(json.dumps(found))
    else:
        print(f"{args.pets} pets                                        seconds")
        print(f"  start of Python with typer and rich     {found['imports']:12.2f}")
        print(f"  run with nothing to do                  {found['idle']:12.2f}  (target {IDLE})")
        print(f"  planning three pets more, beyond that   {found['more']:12.2f}  (target {MORE})")
        print(
            f"  datums run: ingest {found['ingest_datums']}, transform {found['transform_datums']}"
        )
    met = found["idle"] <= IDLE and found["more"] <= MORE
    return 0 if met and (found["ingest_datums"], found["transform_datums"]) == (1, 3) else 1


if __name__ == "__main__":
    sys.exit(main())
