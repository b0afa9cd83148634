"""A stage small enough to be read here, started as a process, and an environment put back."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

TOY = '''"""Repeat words."""

import os
import sys

from ibid.stage.contract import BadInputError, ExitCode, TemporaryError, main


def run(inputs, output, params):
    word = (inputs["words"] / "word").read_text()
    if word == "bad":
        raise BadInputError("Expected a good word.", received=word, hint="say it nicely")
    if word == "later":
        raise TemporaryError("Expected a free seat.")
    if word == "gate":
        return ExitCode.GATE_REFUSED
    if word == "bug":
        return 1 // 0
    if word == "bytes":
        raise BadInputError("Expected a name.", received=os.fsdecode(bytes([0xFF])))
    (output / "word").write_text(word * params.get("times", 1))


sys.exit(main(run))
'''


@pytest.fixture(autouse=True)
def environment():
    """Entering the door changes this process; put it back."""
    saved, state = dict(os.environ), random.getstate()
    yield
    os.environ.clear()
    os.environ.update(saved)
    time.tzset()
    random.setstate(state)


class Toy:
    """A stage's file, and folders that stand for `/pfs`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "toy.py"
        self.file.write_text(TOY)

    def pfs(self, word, params=None, name="pfs"):
        root = self.folder / name
        (root / "words").mkdir(parents=True)
        (root / "words" / "word").write_text(word)
        if params is not None:
            (root / "params").mkdir()
            text = params if isinstance(params, str) else json.dumps(params)
            (root / "params" / "toy.json").write_text(text)
        return root

    def start(self, *arguments, pass_fds=(), **variables):
        return subprocess.Popen(
            [sys.executable, "-B", self.file, *map(str, arguments)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            text=True,
        )

    def run(self, *arguments, **variables):
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path)
