"""The one door to determinism: every seed, thread count and framework flag is set here.

`enter` comes first, before any framework is imported, because the frameworks read their
environment at import; `framework` comes right after. What only the launcher can set
(`PYTHONHASHSEED`, read when the interpreter starts) stands in the pipeline's spec.

Levels: `fast` is seeded only; `strict` also makes every operation deterministic, so that the same
machine gives the same bits; `portable` also fixes the number of logical threads and caps the
instruction set, so that other core counts and processors give the same bits too.
"""

import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ibid.stage.contract import BadInputError

LEVELS = ("fast", "strict", "portable")
XLA = "--xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force: the level, the threads of one operation, the instruction set's cap."""

    level: str = "strict"
    threads: int = 0
    isa: str | None = None


def resolve(params: Mapping[str, Any]) -> Settings:
    """Read the settings from a stage's parameters; `threads` 0 or null means every core.

    Raises BadInputError for what is no level, no count of threads, or a contradiction.
    """
    asked = params.get("determinism") or {}
    if not isinstance(asked, Mapping) or asked.get("level", "strict") not in LEVELS:
        raise BadInputError(
            f"Expected determinism.level to be one of {', '.join(LEVELS)}.", received=asked
        )
    threads, level = asked.get("threads") or 0, asked.get("level", "strict")
    if not isinstance(threads, int) or threads < 0:
        raise BadInputError("Expected determinism.threads to be a count.", received=threads)
    if level == "portable" and not threads:
        raise BadInputError(
            "Expected a number of threads for the level portable: it is the same on every machine.",
            received="every core",
            hint="ibid params determinism=portable determinism.threads=2",
        )
    return Settings(level, threads or len(os.sched_getaffinity(0)), asked.get("isa"))


def enter(params: Mapping[str, Any]) -> Settings:
    """Set everything that has to be set before a framework is imported.

    Reads `seed` and `determinism` (`level`, `threads`, `isa`) from the stage's parameters. Safe to
    call once a datum: it puts Python's own generator back to the seed.
    """
    settings = resolve(params)
    os.environ.update(environment(settings))
    time.tzset()
    random.seed(params.get("seed", 0))
    return settings


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
    if settings.isa:
        variables["ONEDNN_MAX_CPU_ISA"] = settings.isa
    return variables


def framework(params: Mapping[str, Any]) -> None:
    """Import Keras and its backend, seeded and deterministic."""
    import keras

    keras.utils.set_random_seed(int(params["seed"]))
    if keras.backend.backend() == "tensorflow" and resolve(params).level != "fast":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
        _take_the_deadline_away()


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
