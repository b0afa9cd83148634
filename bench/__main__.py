"""`make bench`: all benchmarks, or those named; the exit code says whether all met targets."""

import subprocess
import sys

BENCHMARKS = (
    "training", "determinism", "transform", "whole", "put", "idle", "jobs", "growth", "verify"
)  # fmt: skip

if __name__ == "__main__":
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode
        for name in sys.argv[1:] or BENCHMARKS
    ]
    sys.exit(max(codes))
