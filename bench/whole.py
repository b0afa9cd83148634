"""The whole DAG on the drawn sample: the preset `tiny`, the defaults, and with nothing to do.

Beside each stand the seconds that its datums took by themselves: what is left is the engine's.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGETS = {"tiny": 60.0, "default": 300.0}
PETS = {"tiny": 60, "default": 160}  # as the tests do, and as `make run` does


def measure(preset: str, sample: Path, home: Path) -> dict[str, float]:
    """Return the seconds of a first run and of a second, and of the datums of the first."""
    environment = os.environ | {"IBID_HOME": str(home), "IBID_PIPELINE": "pets"}

    def ibid(*arguments: str) -> float:
        command = [sys.executable, "-m", "ibid.cli", *arguments]
        begun = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        return time.perf_counter() - begun

    prepared = ibid("put", "stream", str(sample), "--replace", "--no-run")
    prepared += ibid("params", f"preset={preset}", "--commit", "--no-run")
    first = prepared + ibid("run")
    with closing(sqlite3.connect(home / "ibid.db")) as database:
        (datums,) = database.execute(
            "SELECT sum(seconds) FROM datums WHERE pipeline NOT IN ('ingest', 'transform')"
        ).fetchone()
    return {"first": first, "datums": float(datums), "second": ibid("run")}


def main() -> int:
    """Print a table, or JSON; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("presets", nargs="*", default=["tiny", "default"])
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        for preset in args.presets:
            sample = base / f"sample-{preset}"
            command = [sys.executable, "-m", "components.sample", str(sample)]
            command += ["--pets", str(PETS[preset])]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            found[preset] = measure(preset, sample, base / preset)
    if args.json:
        print(json.dumps(found))
    else:
        print("preset      first run   of it datums that train or judge   second run   (seconds)")
        for preset, row in found.items():
            print(f"{preset:10} {row['first']:10.1f} {row['datums']:34.1f} {row['second']:12.2f}")
    return 0 if all(found[preset]["first"] <= TARGETS[preset] for preset in found) else 1


if __name__ == "__main__":
    sys.exit(main())
