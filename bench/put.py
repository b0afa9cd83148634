"""`ibid put` of 14,780 files, 780 MB, against `cp -r` and `sha256sum` of them, and `dvc add`.

All three begin with an empty cache of their own and take turns. DVC is run by uv in an environment
of its own; without uv or a package index it is left out, and said so.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import plain
from bench.timing import ROOT, Timed, ibid, timed

PETS, SIZES = 7390, {"images": 105_000, "annotations": 2_500}
DVC = "dvc==3.67.1"
COPIES, FASTER = 2.0, 3.0  # times cp and sha256sum at most, times faster than DVC at least
FLAT = 1.2  # times the memory at a tenth of the files, at most


def draw(folder: Path, pets: int) -> Path:
    """Write files of random bytes, in the sizes of the Oxford-IIIT Pet photos and masks."""
    bytes_from = random.Random(1)  # noqa: S311 - only bytes to store
    for name, size in SIZES.items():
        (folder / name).mkdir(parents=True)
        for number in range(pets):
            (folder / name / f"pet_{number:05d}.bin").write_bytes(bytes_from.randbytes(size))
    return folder


def uv() -> str | None:
    """Find uv, as the Makefile does."""
    here = ROOT / ".uv" / "bin" / "uv"
    return shutil.which("uv") or (str(here) if here.exists() else None)


def by_copy(data: Path, base: Path) -> Timed:
    """Copy the files and hash the copies, with the system's own tools."""
    shutil.rmtree(base / "copy", ignore_errors=True)
    script = 'cp -r "$0" "$1" && find "$1" -type f -print0 | xargs -0 sha256sum'
    return timed(["sh", "-c", script, str(data), str(base / "copy")], base)


def by_ibid(data: Path, base: Path) -> Timed:
    """Put the files into a new store."""
    shutil.rmtree(base / "home", ignore_errors=True)
    command = ibid("put", "uploads", data, "--no-run")
    return timed(command, base / "project", {"IBID_HOME": str(base / "home")})


def by_dvc(data: Path, base: Path) -> Timed:
    """Add the files to a new DVC repository, which moves or copies them into its cache."""
    repository = base / "dvc"
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir()
    shutil.copytree(data, repository / "data")
    dvc = [str(uv()), "tool", "run", "--from", DVC, "dvc"]
    subprocess.run([*dvc, "init", "--no-scm"], cwd=repository, check=True, capture_output=True)
    return timed([*dvc, "add", "data"], repository)


def has_dvc() -> bool:
    """Tell whether DVC can be had here."""
    if uv() is None:
        return False
    command = [str(uv()), "tool", "run", "--from", DVC, "dvc", "--version"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def measure(pets: int, rounds: int) -> dict[str, float]:
    """Return median seconds and processor seconds of each, and the peaks of memory."""
    ways = {"copy": by_copy, "ibid": by_ibid} | ({"dvc": by_dvc} if has_dvc() else {})
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        plain.make(base / "project", "nothing", "/", "cmd: ['true']")
        few, data = draw(base / "few", pets // 10), draw(base / "data", pets)
        times = [{way: run(data, base) for way, run in ways.items()} for _ in range(rounds)]
        for way in ways:
            found[way] = statistics.median(each[way].seconds for each in times)
            found[f"{way}_cpu"] = statistics.median(each[way].cpu for each in times)
        found["peak"] = max(each["ibid"].peak for each in times)
        found["peak_few"] = by_ibid(few, base).peak
    return found


def main() -> int:
    """Print a table, or JSON; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pets", type=int, default=PETS)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    found = measure(args.pets, args.rounds)
    ratios = {"ibid / cp and sha256sum": (found["ibid"] / found["copy"], COPIES)}
    if "dvc" in found:
        ratios["3 x ibid / dvc add"] = (FASTER * found["ibid"] / found["dvc"], 1.0)
    ratios["memory / a tenth of the files"] = (found["peak"] / found["peak_few"], FLAT)
    if args.json:
        print(json.dumps(found | {name: ratio for name, (ratio, _) in ratios.items()}))
    else:
        print(f"put of {2 * args.pets} files       seconds   processor seconds")
        for way in ("copy", "ibid", "dvc"):
            if way in found:
                print(f"  {way:24} {found[way]:8.2f} {found[way + '_cpu']:12.2f}")
        if "dvc" not in found:
            print("  dvc: not measured, uv could not bring it")
        for name, (ratio, target) in ratios.items():
            print(f"  {name:30} {ratio:6.2f}  (target {target:.2f} at most)")
    return 0 if all(ratio <= target for ratio, target in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
