"""The witness says what is in force, whatever was asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ibid.stage import witness
from ibid.stage.processor import processor

ROOT = Path(__file__).parents[3]
CORES = len(os.sched_getaffinity(0))
TRAIN = """
import json, os, sys
from ibid.stage import determinism
params = {"seed": 1, "determinism": json.loads(sys.argv[1])}
determinism.enter(params)
os.environ.update(json.loads(sys.argv[2]))
determinism.framework(params)
"""
NUMPY = """
import json, os, sys
from ibid.stage import determinism, witness
determinism.enter({"determinism": json.loads(sys.argv[1])})
os.environ.update(json.loads(sys.argv[2]))
import numpy
os.environ["OPENBLAS_NUM_THREADS"] = "64"
witness.write()
"""


@pytest.fixture
def witnessed(tmp_path):
    def tell(program, asked, **lies):
        arguments = [json.dumps(asked), json.dumps(lies)]
        subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
            | {"WITNESS_FOLDER": str(tmp_path), "PYTHONHASHSEED": "5"},
            check=True,
            capture_output=True,
        )
        (file,) = tmp_path.iterdir()
        return json.loads(file.read_text())

    return tell


def test_interpreter_processor_cores_and_variables_are_those_of_the_process(witnessed):
    found = witnessed(NUMPY, {"level": "strict", "threads": 1})
    assert found["python"] == sys.version
    assert found["processor"]["flags"].split() == [*processor().flags]
    assert found["cores"] == CORES
    assert found["variables"]["PYTHONHASHSEED"] == "5"


def test_a_cap_is_in_force_in_numpy_and_its_blas(witnessed):
    found = witnessed(NUMPY, {"level": "portable", "threads": 2, "isa": "AVX2"})["numpy"]
    wide = {name for name in found["features"].split() if name.startswith("AVX512_")}
    assert not wide | {"AVX512F"} & {*found["features"].split()}
    assert {"AVX2", "FMA3"} <= {*found["features"].split()}
    assert found["blas"] == {"core": "Haswell", "threads": 1}


def test_a_variable_that_comes_too_late_changes_nothing_that_is_told(witnessed):
    """numpy has read its own when it was imported."""
    found = witnessed(NUMPY, {"level": "strict", "threads": 1})
    assert found["variables"]["OPENBLAS_NUM_THREADS"] == "64"
    assert found["numpy"]["blas"]["threads"] == 1


def test_a_variable_that_takes_effect_is_told_with_its_effect(witnessed):
    lie = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTEROP_THREADS": "2"}
    found = witnessed(TRAIN, {"level": "strict", "threads": 3}, **lie)
    assert (found["tensorflow"]["onednn"], found["tensorflow"]["deterministic"]) == (False, True)
    assert found["framework_threads"] == 3 + 2
    assert lie.items() <= found["variables"].items()
    assert found["keras"]["backend"] == "tensorflow"


def test_fast_is_told_from_strict_by_what_tensorflow_says(witnessed):
    found = witnessed(TRAIN, {"level": "fast", "threads": 1})
    assert found["tensorflow"]["deterministic"] is False


def test_where_no_launcher_asks_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("WITNESS_FOLDER", raising=False)
    monkeypatch.chdir(tmp_path)
    witness.write()
    assert [*tmp_path.iterdir()] == []
