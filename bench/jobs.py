"""What the engine adds to the work: to one command, and to each of 1,000 batched datums.

One command: an `ibid run` that has one job of one datum to do, less one that has nothing to do,
less the bare command. Batched datums: what 1,000 cost more than one, a datum, less the same code in
a bare loop over the same files.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from bench import plain
from bench.timing import ibid, timed

JOB, DATUM = 0.15, 0.002  # seconds over the bare command, over the bare loop
STAGE = """
from pathlib import Path


def run(inputs, output, params):
    for path in inputs["files"].rglob("text"):
        (output / path.parent.name).write_text(path.read_text().upper())
"""
MAIN = """
import sys

from ibid.stage.contract import main
from upper.stage import run

sys.exit(main(run))
"""
LOOP = """
import sys
from pathlib import Path

from ibid.stage.contract import attempt

from upper.stage import run

for path in sorted(Path(sys.argv[1]).iterdir()):
    assert attempt(run, {"files": path}, Path(sys.argv[2]) / path.name) == (0, "")
"""


def one_command(base: Path, rounds: int) -> dict[str, float]:
    """Return median seconds of a run of one job, of an idle run, and of the bare command."""
    plain.make(base / "project", "bare", "/", "cmd: ['true']")
    texts = base / "texts"
    texts.mkdir(parents=True)
    times: dict[str, list[float]] = {"job": [], "idle": [], "bare": []}
    for number in range(rounds):
        (texts / "text").write_text(str(number))
        timed(ibid("put", "files", texts, "--no-run"), base / "project")
        for name, command in (("job", ibid("run")), ("idle", ibid("run")), ("bare", ["true"])):
            times[name].append(timed(command, base / "project").seconds)
    return {name: statistics.median(found) for name, found in times.items()}


def batched(base: Path, datums: int) -> dict[str, float]:
    """Return seconds of runs over one datum and over many, and of the bare loop over as many."""
    root, found = base / "project", {}
    plain.make(root, "upper", "/*", "component: upper\n    batch: true")
    (root / "upper").mkdir()
    for name, text in (("__init__", ""), ("stage", STAGE), ("__main__", MAIN)):
        (root / "upper" / f"{name}.py").write_text(text)
    for name, count in (("one", 1), ("many", datums)):
        texts = base / name
        texts.mkdir()
        for number in range(count):
            (texts / f"{name}-{number}").mkdir()
            (texts / f"{name}-{number}" / "text").write_text(f"{name} {number}")
        timed(ibid("put", "files", texts, "--no-run", "--replace"), root)
        found[name] = timed(ibid("run"), root).seconds
    for name in ("one", "many"):
        out = base / f"out-{name}"
        out.mkdir()
        loop = [sys.executable, "-c", LOOP, str(base / name), str(out)]
        found[f"loop_{name}"] = timed(loop, root).seconds
    return found


def measure(rounds: int, datums: int) -> dict[str, float]:
    """Return what the engine adds, in seconds."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        job = one_command(base / "one", rounds)
        many = batched(base / "many", datums)
    more = (many["many"] - many["one"]) / (datums - 1)
    loop = (many["loop_many"] - many["loop_one"]) / (datums - 1)
    return {
        **job,
        "job_over": job["job"] - job["idle"] - job["bare"],
        "datum": more,
        "loop": loop,
        "datum_over": more - loop,
    }


def main() -> int:
    """Print a table, or JSON; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--datums", type=int, default=1000)
    args = parser.parse_args()
    found = measure(args.rounds, args.datums)
    if args.json:
        print(json.dumps(found))
    else:
        print("a run with one job of `true`, an idle run, the command alone, in seconds")
        print(f"  {found['job']:.3f}   {found['idle']:.3f}   {found['bare']:.3f}")
        print(f"  the job costs more {found['job_over']:.3f}  (target {JOB} at most)")
        print(f"one of {args.datums} batched datums, one turn of a bare loop, in milliseconds")
        print(f"  {1000 * found['datum']:.2f}   {1000 * found['loop']:.2f}")
        over = 1000 * found["datum_over"]
        print(f"  a datum costs more {over:.2f}  (target {1000 * DATUM} at most)")
    return 0 if found["job_over"] <= JOB and found["datum_over"] <= DATUM else 1


if __name__ == "__main__":
    sys.exit(main())
