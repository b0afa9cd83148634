"""What is tortured: the project that counts words, with parameters, and stages that take a while.

Every command is a process of its own, over a home of its own.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ibid.compile import files
from ibid.spec import pipeline

ROOT = Path(__file__).parents[2]
WORDS = ROOT / "tests" / "conformance" / "words"
COMMAND = [sys.executable, "-m", "ibid.cli"]
LONG = 600  # seconds that no command here takes: one that does was blocked

MODEL = '''"""The parameters of the pipeline `words`."""

from pydantic import BaseModel


class Count(BaseModel, frozen=True, extra="forbid"):
    """Those of `count`."""

    seconds: float


class Total(BaseModel, frozen=True, extra="forbid"):
    """Those of `total`: none."""


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """All of them."""

    count: Count
    total: Total
'''
PARAMETERS = "parameters: {conf: conf, model: 'words.parameters:Parameters'}\ninputs:\n"
PARAMS = """inputs:
  params: {description: One file of parameters a pipeline.}
  uploads: {description: A folder an upload., layout: uploads}
"""
SLOW = '        __import__("time").sleep(params["seconds"])\n        print("counting", text.name)'


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (negative: the signal) and what it said."""

    code: int
    out: str
    log: str


class Project:
    """A folder with the pipeline and two versions of its texts, `first` and `second`."""

    def __init__(self, root: Path, *, texts: int = 4) -> None:
        self.root = root
        shutil.copytree(WORDS, root)
        (root / "words" / "parameters.py").write_text(MODEL)
        _edit(root / "words/count/__main__.py", '        print("counting", text.name)', SLOW)
        source = root / "pipelines" / "words" / "pipeline.yaml"
        _edit(source, "inputs:\n", PARAMETERS)
        _edit(source, "inputs:\n", PARAMS)
        (source.parent / "conf").mkdir()
        (source.parent / "conf" / "config.yaml").write_text("count: {seconds: 0.02}\ntotal: {}\n")
        compiled = files.compile_workflow(pipeline.read(source), source.read_bytes())
        files.write(source.parent / files.FOLDER, compiled)
        self.first = _texts(root / "first" / "texts", texts, "to be or not to be")
        self.second = _texts(root / "second" / "texts", texts, "that is the question")
        # Larger than what is written at once, and as good as one word: quickly counted.
        (self.second / "large").write_text("x" * 1_500_000)

    def start(self, home: Path, *arguments: object, **variables: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.root,
            env=os.environ | {"COLUMNS": "200"} | variables | {"IBID_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ibid(self, home: Path, *arguments: object, **variables: str) -> Ended:
        """Run a command to its end."""
        return end(self.start(home, *arguments, **variables))


def end(process: "subprocess.Popen[str]") -> Ended:
    """Wait for a command; one that does not end is killed, and says so."""
    try:
        out, log = process.communicate(timeout=LONG)
    except subprocess.TimeoutExpired:
        process.kill()
        out, log = process.communicate()
        log += f"\nblocked: it had not ended after {LONG} s"
    return Ended(process.returncode, out, log)


def _texts(folder: Path, number: int, text: str) -> Path:
    folder.mkdir(parents=True)
    for each in range(number):
        (folder / f"text{each}").write_text(f"{text} {each}\n" * 50)
    return folder


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{path} does not hold {old!r}")
    path.write_text(text.replace(old, new, 1))
