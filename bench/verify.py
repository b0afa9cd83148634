"""What a verify costs: the whole chain again, against the run that it checks.

The preset `tiny` on the drawn sample; the two take turns on stores of their own, since a second run
has nothing to do. The ratio is of medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.timing import ROOT, ibid, timed

TARGET = 1.2  # a verify, of the run that it checks
PETS = 60


def measure(base: Path, turns: int) -> dict[str, list[float]]:
    """Return the seconds of each run and of each verify of what it made, wall and processor."""
    sample = base / "sample"
    draw = [sys.executable, "-m", "components.sample", str(sample), "--pets", str(PETS)]
    subprocess.run(draw, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, list[float]] = {"run": [], "verify": []}
    for turn in range(turns):
        home = {"IBID_HOME": str(base / f"home-{turn}"), "IBID_PIPELINE": "pets"}
        timed(ibid("put", "stream", sample, "--no-run"), ROOT, home)
        timed(ibid("params", "preset=tiny", "--commit", "--no-run"), ROOT, home)
        found["run"].append(timed(ibid("run"), ROOT, home).seconds)
        found["verify"].append(timed(ibid("verify", "release"), ROOT, home).seconds)
    return found


def main() -> int:
    """Print a table, or JSON; the exit code says whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), args.turns)
    run, verify = (statistics.median(found[name]) for name in ("run", "verify"))
    if args.json:
        print(json.dumps(found | {"ratio": verify / run}))
    else:
        print(f"run {run:.1f} s, verify {verify:.1f} s: {verify / run:.2f} (target {TARGET})")
    return 0 if verify <= TARGET * run else 1


if __name__ == "__main__":
    sys.exit(main())
