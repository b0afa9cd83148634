"""What moves the bits, and that it moves none of `portable`'s: kinds of arithmetic, circumstances.

The rows of `strict` are there to be read. Another processor is played by qemu-user where that is
installed, for some minutes.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.determinism.operations import FRAMEWORK, KINDS
from tests.determinism.table import Table

ROOT = Path(__file__).parents[2]
CORE = str(min(os.sched_getaffinity(0)))
STRICT = {"level": "strict", "threads": 2, "isa": None}
PORTABLE = {"level": "portable", "threads": 2, "isa": "AVX2"}
QEMU = shutil.which("qemu-x86_64")
NARROW = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
PLAIN = tuple(name for name in KINDS if name not in FRAMEWORK)


@dataclass(frozen=True, slots=True)
class Case:
    """One circumstance: parameters of the door, variables, what starts the interpreter."""

    name: str
    asked: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    kinds: tuple[str, ...] = tuple(KINDS)

    def digests(self, level: dict[str, Any]) -> dict[str, str]:
        """Compute; returns a digest a kind."""
        params = {"seed": 1, "determinism": level | self.asked}
        module = [sys.executable, "-m", "tests.determinism.operations", json.dumps(params)]
        done = subprocess.run(
            [*self.prefix, *module, *self.kinds],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONHASHSEED": "0"}
            | self.variables,
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return found


ONE_CORE = Case("one core", prefix=("taskset", "-c", CORE))
MOVES = (
    ONE_CORE,
    Case("one thread", {"threads": 1}),
    Case("four threads", {"threads": 4}),
    Case("oneDNN with AVX2", variables={"ONEDNN_MAX_CPU_ISA": "AVX2"}, kinds=FRAMEWORK),
    Case("no oneDNN", variables={"TF_ENABLE_ONEDNN_OPTS": "0"}, kinds=FRAMEWORK),
    Case("numpy with AVX2", variables={"NPY_DISABLE_CPU_FEATURES": NARROW}, kinds=PLAIN),
    Case("OpenBLAS for Haswell", variables={"OPENBLAS_CORETYPE": "Haswell"}, kinds=PLAIN),
    Case("libjpeg without SIMD", variables={"JSIMD_FORCENONE": "1"}, kinds=PLAIN),
    Case(
        "C library without FMA",
        variables={"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"},
        kinds=PLAIN,
    ),
    Case("filled memory", variables={"MALLOC_PERTURB_": "85", "MALLOC_ARENA_MAX": "1"}),
)
HELD = (
    ONE_CORE,
    Case(
        "variables that would move it",
        variables={
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "OPENBLAS_CORETYPE": "Prescott",
            "OMP_NUM_THREADS": "7",
            "TF_NUM_INTRAOP_THREADS": "7",
            "MALLOC_PERTURB_": "85",
        },
    ),
)
OTHERS = tuple(
    Case(f"a {model}, emulated", prefix=(QEMU or "", "-cpu", model))
    for model in ("Haswell", "EPYC")
)


def prove() -> Table:
    """Compute in each circumstance."""
    rows, wrong = [], []
    for name, level, cases in (
        ("strict", STRICT, MOVES),
        ("portable", PORTABLE, HELD + (OTHERS if QEMU else ())),
    ):
        base = Case("base").digests(level)
        for case in cases:
            found = case.digests(level)
            moved = [kind for kind in found if found[kind] != base[kind]]
            rows.append((name, case.name, ", ".join(moved) or "nothing"))
            if level is PORTABLE:
                wrong += [f"portable, {case.name}: {kind} moved" for kind in moved]
    if not QEMU:
        rows.append(("portable", "another processor", "not tried: qemu-user is not installed"))
    return Table(
        "What moves the bits", ("level", "circumstance", "moved"), tuple(rows), tuple(wrong)
    )
