"""`make bench`: every benchmark in turn; the exit code says whether all met their targets."""

import subprocess
import sys

BENCHMARKS = (
    "training", "determinism", "transform", "whole", "put", "idle", "jobs", "growth", "verify"
)  # fmt: skip

if __name__ == "__main__":
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode
        for name in BENCHMARKS
    ]
    sys.exit(max(codes))
