"""What was in force in the process that did the work: read from it, never from what was asked for.

A launcher that wants to know names a folder in `WITNESS_FOLDER`. Each process writes there once:
the door when a framework is loaded, else the contract after the first datum. It imports nothing
that a stage has not imported.
"""

import ctypes
import json
import os
import platform
import re
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from ibid.stage.processor import processor

FOLDER = "WITNESS_FOLDER"
# What arithmetic, threads, seeds and allocation are steered by, whoever has set it.
_STEERING = re.compile(
    r"^(CUDA_|DNNL_|GLIBC_|GOTO_|JAX_|JSIMD_|KERAS_|LD_|MALLOC_|MKL_|NPY_|NVIDIA_|OMP_|ONEDNN_|"
    r"OPENBLAS_|PYTHONHASHSEED$|SOURCE_DATE_EPOCH$|TF_|TZ$|XLA_)"
)
_DRIVER = Path("/proc/driver/nvidia/version")


def write(started: int | None = None) -> None:
    """Write what is in force now to the launcher's folder, if it has named one; once a process.

    Args:
        started: how many threads the framework has started for its operations, if one is loaded.
    """
    if folder := os.environ.pop(FOLDER, ""):
        text = json.dumps(observe() | ({"framework_threads": started} if started else {}))
        name = sha256(text.encode()).hexdigest()[:16]
        Path(folder, f"{name}.json").write_text(text, encoding="utf-8")


def observe() -> dict[str, Any]:
    """Describe this process: interpreter, processor, variables, libraries that are loaded."""
    found: dict[str, Any] = {
        "python": sys.version,
        "libc": " ".join(platform.libc_ver()),
        "processor": {"name": processor().title, "flags": " ".join(processor().flags)},
        "cores": len(os.sched_getaffinity(0)),
        "variables": {k: v for k, v in sorted(os.environ.items()) if _STEERING.match(k)},
    }
    readers = {"numpy": _numpy, "keras": _keras, "tensorflow": _tensorflow, "jax": _jax}
    for name, read in readers.items():
        if module := sys.modules.get(name):
            found[name] = read(module)
    if _DRIVER.exists():
        found["driver"] = _DRIVER.read_text().splitlines()[0]
    return found


def threads() -> int:
    """Count the threads of this process."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - a count, a hundred times as fast


def _numpy(numpy: ModuleType) -> dict[str, Any]:
    """Read the instruction sets that its loops were chosen by, and how its BLAS multiplies."""
    features = sys.modules["numpy._core._multiarray_umath"].__cpu_features__
    used = " ".join(sorted(name for name, used in features.items() if used))
    return {"version": numpy.__version__, "features": used, "blas": _blas()}


def _blas() -> dict[str, Any]:
    """Ask the OpenBLAS that numpy brought with it."""
    libraries = {
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "/numpy.libs/libscipy_openblas64" in line
    }
    told: dict[str, Any] = {}
    for path in libraries:
        library = ctypes.CDLL(path)
        core = library.scipy_openblas_get_corename64_
        core.restype = ctypes.c_char_p
        threads = library.scipy_openblas_get_num_threads64_()
        told = {"core": core().decode(), "threads": threads}
    return told


def _keras(keras: ModuleType) -> dict[str, Any]:
    return {
        "version": keras.__version__,
        "backend": keras.backend.backend(),
        "precision": keras.config.dtype_policy().name,
    }


def _tensorflow(tensorflow: ModuleType) -> dict[str, Any]:
    config = sys.modules["tensorflow.python.framework.config"]
    port = sys.modules["tensorflow.python.util._pywrap_util_port"]
    gpus = tensorflow.config.list_physical_devices("GPU")
    describe = tensorflow.config.experimental.get_device_details
    return {
        "version": tensorflow.__version__,
        "git": tensorflow.version.GIT_VERSION,
        "deterministic": config.is_op_determinism_enabled(),
        "onednn": port.IsMklEnabled(),
        "gpus": [describe(gpu).get("device_name", gpu.name) for gpu in gpus],
    }


def _jax(jax: ModuleType) -> dict[str, Any]:
    return {"version": jax.__version__, "devices": [each.device_kind for each in jax.devices()]}
