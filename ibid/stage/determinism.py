"""The one door to determinism: every seed, thread count and framework flag is set here.

`enter` comes first, before numpy or any framework is imported, because libraries read their
environment at import; `framework` comes right after. What only the launcher can set
(`PYTHONHASHSEED`, read when the interpreter starts) stands in the pipeline's spec. What is then in
force is read back by `witness`.

Levels: `fast` is seeded only; `strict` also makes every operation deterministic, so that the same
machine gives the same bits; `portable` also fixes the number of logical threads and caps the
instruction set, so that other core counts and processors give the same bits too. What each promises
and what it does not: docs/guides/determinism.md.
"""

import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ibid.stage import witness
from ibid.stage.contract import BadInputError
from ibid.stage.processor import Processor, processor

LEVELS = ("fast", "strict", "portable")
# By a cap in oneDNN's words: the loops of numpy that go beyond it, and the kernels of OpenBLAS. A
# cap below AVX2 could not be kept: the C library chooses its functions by FMA as it is loaded.
_CAPS = {
    "AVX2": ("AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL", "Haswell"),
    "AVX512_CORE": ("AVX512_CLX AVX512_CNL AVX512_ICL", "SkylakeX"),
}
XLA = "--xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force: the level, the threads of one operation, the instruction set's cap."""

    level: str = "strict"
    threads: int = 0
    isa: str | None = None


def resolve(params: Mapping[str, Any]) -> Settings:
    """Read the settings from a stage's parameters; `threads` 0 or null means every core.

    Raises BadInputError for what is no level, no count of threads, no instruction set, or a
    contradiction.
    """
    asked = params.get("determinism") or {}
    if not isinstance(asked, Mapping) or asked.get("level", "strict") not in LEVELS:
        raise BadInputError(
            f"Expected determinism.level to be one of {', '.join(LEVELS)}.", received=asked
        )
    threads, level = asked.get("threads") or 0, asked.get("level", "strict")
    isa = asked.get("isa")
    if not isinstance(threads, int) or threads < 0:
        raise BadInputError("Expected determinism.threads to be a count.", received=threads)
    if isa is not None and isa not in _CAPS:
        raise BadInputError(
            f"Expected determinism.isa to be one of {', '.join(_CAPS)}, or null.", received=isa
        )
    if level == "portable" and not (threads and isa):
        raise BadInputError(
            "Expected a number of threads and an instruction set for the level portable: they are "
            "the same on every machine.",
            received=f"threads {threads or 'null'}, isa {isa or 'null'}",
            hint="ibid params determinism=portable determinism.threads=2 determinism.isa=AVX2",
        )
    return Settings(level, threads or len(os.sched_getaffinity(0)), isa)


def enter(params: Mapping[str, Any]) -> Settings:
    """Set everything that has to be set before a framework is imported.

    Reads `seed` and `determinism` (`level`, `threads`, `isa`) from the stage's parameters. Safe to
    call once a datum: it puts Python's own generator back to the seed. Raises BadInputError as
    `resolve` does, and for a processor that lacks the instruction set of the level portable.
    """
    settings = resolve(params)
    keep_to(settings, processor())
    os.environ.update(environment(settings))
    time.tzset()
    random.seed(params.get("seed", 0))
    return settings


def keep_to(settings: Settings, found: Processor) -> None:
    """Raise BadInputError if a processor cannot keep what the level portable promises."""
    if settings.level != "portable" or settings.isa is None:
        return
    if lacking := found.lacks(settings.isa):
        raise BadInputError(
            f"Expected a processor with {settings.isa}: the level portable promises its bits.",
            received=f"{found.title} without {', '.join(lacking)}",
            hint="ibid params determinism=strict",
        )


def environment(settings: Settings) -> dict[str, str]:
    """Say which environment variables the settings mean."""
    threads = str(settings.threads)
    variables = {
        "TZ": "UTC",
        "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        # One operation at a time, each on all threads. Where several run at once, which of them
        # ends first has changed the gradients of MobileNetV2, whatever TensorFlow promises.
        "TF_NUM_INTEROP_THREADS": threads if settings.level == "fast" else "1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        "SOURCE_DATE_EPOCH": "0",
    }
    if settings.level != "fast":
        variables["TF_DETERMINISTIC_OPS"] = "1"
        if variables["KERAS_BACKEND"] == "jax":
            # On a GPU: no sums in the order in which they happen to end, no choice by a stopwatch.
            variables["XLA_FLAGS"] = XLA
    if settings.level == "portable":
        # OpenBLAS never takes more threads than there are cores, and its sums depend on both.
        variables["OPENBLAS_NUM_THREADS"] = "1"
        # Unset, TensorFlow decides by the processor whether oneDNN or Eigen convolves.
        variables["TF_ENABLE_ONEDNN_OPTS"] = "1"
    return variables | (_cap(settings.isa) if settings.isa else {})


def _cap(isa: str) -> dict[str, str]:
    """Keep each library that chooses its loops by the processor from going beyond a cap."""
    numpy, openblas = _CAPS[isa]
    return {
        "ONEDNN_MAX_CPU_ISA": isa,
        "NPY_DISABLE_CPU_FEATURES": numpy,
        "OPENBLAS_CORETYPE": openblas,
    }


def framework(params: Mapping[str, Any]) -> None:
    """Import Keras and its backend, seeded and deterministic; leave word of what is in force."""
    import keras

    keras.utils.set_random_seed(int(params["seed"]))
    before = witness.threads()
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        level = resolve(params).level
        if level != "fast":
            tensorflow.config.experimental.enable_op_determinism()
            _take_the_deadline_away()
        if level == "portable":
            _leave_out_estimates(tensorflow)
        tensorflow.config.list_logical_devices()  # starts the threads, so that they can be counted
    witness.write(witness.threads() - before)


def _leave_out_estimates(tensorflow: ModuleType) -> None:
    """Compute 1 / sqrt(x) and 1 / x by operations that IEEE 754 defines.

    TensorFlow begins with the processor's estimates (`rsqrtps`, `rcpps`), and each maker has his
    own. Every BatchNormalization takes 1 / sqrt(x); and two passes of the optimizer of graphs turn
    exact divisions into estimates.
    """
    passes = {"arithmetic_optimization": False, "constant_folding": False}
    tensorflow.config.optimizer.set_experimental_options(passes)

    def rsqrt(x: Any, name: str | None = None) -> Any:
        return tensorflow.math.divide(tensorflow.math.sqrt(x), x, name=name)

    def reciprocal(x: Any, name: str | None = None) -> Any:
        return tensorflow.math.divide(tensorflow.ones_like(x), x, name=name)

    modules: list[Any] = [tensorflow.math, sys.modules["tensorflow.python.ops.math_ops"]]
    for module in modules:
        module.rsqrt, module.reciprocal = rsqrt, reciprocal


def _take_the_deadline_away() -> None:
    """Let TensorFlow's optimizer of graphs come to its end, however long that takes.

    It gives up after five minutes by the clock, and the graph quietly runs as it was, which rounds
    otherwise: on a machine that is busy enough, the same training would give other bits. There is
    no public way to set this once TensorFlow is imported.
    """
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.python.eager import context

    config = ConfigProto()
    config.graph_options.rewrite_options.meta_optimizer_timeout_ms = -1
    context.context()._config = config
    context.context().function_call_options = None  # else it would not look again
