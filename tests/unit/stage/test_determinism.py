import os
import random
import subprocess
import sys
import time

import pytest

from ibid.stage import determinism
from ibid.stage.contract import BadInputError
from ibid.stage.determinism import Settings
from ibid.stage.processor import Processor

CORES = len(os.sched_getaffinity(0))
PORTABLE = {"level": "portable", "threads": 2, "isa": "AVX2"}
STAGES = (
    "ingest", "transform", "train", "tune", "calibrate", "evaluate", "release", "deploy"
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        ({}, Settings("strict", CORES, None)),
        ({"determinism": None}, Settings("strict", CORES, None)),
        ({"determinism": {"level": "fast", "threads": 3}}, Settings("fast", 3, None)),
        ({"determinism": {"level": "strict", "threads": None}}, Settings("strict", CORES, None)),
        (
            {"determinism": {"level": "portable", "threads": 2, "isa": "AVX2"}},
            Settings("portable", 2, "AVX2"),
        ),
    ],
)
def test_settings_are_read_from_the_parameters(asked, settings):
    assert determinism.resolve(asked) == settings


def test_every_level_fixes_zone_threads_and_dates():
    for level in determinism.LEVELS:
        variables = determinism.environment(Settings(level, 2, None))
        assert variables["TZ"] == "UTC"
        assert variables["SOURCE_DATE_EPOCH"] == "0"
        threads = {name: value for name, value in variables.items() if "THREADS" in name}
        blas = threads.pop("OPENBLAS_NUM_THREADS")
        between = threads.pop("TF_NUM_INTEROP_THREADS")
        assert {*threads.values()} == {"2"}
        assert between == ("2" if level == "fast" else "1")
        assert blas == ("1" if level == "portable" else "2")


@pytest.mark.parametrize(
    "asked",
    [
        {"level": "exact"},
        {"level": "strict", "threads": -1},
        {"level": "strict", "isa": "SSE41"},
        {"level": "portable", "threads": 2, "isa": None},
        {"level": "portable", "threads": None, "isa": "AVX2"},
    ],
)
def test_what_no_level_can_promise_is_refused(asked):
    with pytest.raises(BadInputError):
        determinism.resolve({"determinism": asked})


def test_a_processor_without_the_cap_cannot_be_portable():
    old = Processor("old", "An old one", ("avx", "avx2"))
    with pytest.raises(BadInputError, match="An old one without f16c, fma"):
        determinism.keep_to(Settings("portable", 2, "AVX2"), old)
    determinism.keep_to(Settings("strict", 2, "AVX2"), old)


def test_only_fast_leaves_operations_free():
    told = {
        level: determinism.environment(Settings(level, 2, None)).get("TF_DETERMINISTIC_OPS")
        for level in determinism.LEVELS
    }
    assert told == {"fast": None, "strict": "1", "portable": "1"}


def test_the_instruction_set_is_capped_where_a_cap_is_asked_for():
    assert "ONEDNN_MAX_CPU_ISA" not in determinism.environment(Settings("strict", 2, None))
    capped = determinism.environment(Settings("portable", 2, "AVX2"))
    assert capped["ONEDNN_MAX_CPU_ISA"] == "AVX2"


def test_the_launcher_chooses_the_backend(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert determinism.environment(Settings())["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert determinism.environment(Settings())["KERAS_BACKEND"] == "jax"


def test_jax_is_told_to_be_deterministic_and_others_are_not(monkeypatch):
    strict, fast = Settings("strict", 2, None), Settings("fast", 2, None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert "--xla_gpu_deterministic_ops=true" in determinism.environment(strict)["XLA_FLAGS"]
    assert "XLA_FLAGS" not in determinism.environment(fast)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert "XLA_FLAGS" not in determinism.environment(strict)


def test_entering_puts_the_settings_in_force(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    settings = determinism.enter({"seed": 7, "determinism": PORTABLE})
    assert settings == Settings("portable", 2, "AVX2")
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert time.localtime(0).tm_hour == 0


def test_entering_twice_gives_the_same_numbers_twice():
    drawn = []
    for _ in range(2):
        determinism.enter({"seed": 7})
        drawn.append([random.random() for _ in range(3)])
    determinism.enter({"seed": 8})
    assert drawn[0] == drawn[1] != [random.random() for _ in range(3)]


@pytest.mark.parametrize("level", determinism.LEVELS)
def test_entering_imports_no_framework_and_precedes_every_import(level):
    """What numpy and TensorFlow read at import has to stand there before."""
    program = f"""
import sys
from ibid.stage import determinism
determinism.enter({{"determinism": {{"level": {level!r}, "threads": 1, "isa": "AVX2"}}}})
print(sorted({{"numpy", "keras", "tensorflow", "PIL", "pydantic"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_library_imported_after_entering_obeys_the_thread_count():
    """OpenBLAS reads its variable when numpy is imported, and starts its threads then."""
    program = """
import os
from ibid.stage import determinism
determinism.enter({"determinism": {"threads": THREADS}})
import numpy
numpy.ones((200, 200)) @ numpy.ones((200, 200))
print(len(os.listdir("/proc/self/task")))
"""
    counts = []
    for threads in ("1", "3"):
        done = subprocess.run(
            [sys.executable, "-c", program.replace("THREADS", threads)],
            capture_output=True,
            text=True,
            check=True,
        )
        counts.append(int(done.stdout))
    # OpenBLAS never takes more threads than there are cores.
    assert counts == [1, min(3, CORES)]


def test_no_stage_imports_a_library_before_the_door():
    """What is imported with the stage would have read its environment too early."""
    imports = "".join(f"import components.{name}.__main__\n" for name in STAGES)
    program = f"""
import sys
{imports}
print(sorted({{"numpy", "keras", "tensorflow", "PIL", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
