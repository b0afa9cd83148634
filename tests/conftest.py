"""What tests share: a project that counts words, small enough to run many times."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ibid.compile import files
from ibid.engine import inputs
from ibid.engine import plan as planning
from ibid.engine import run as engine
from ibid.engine.project import Project, load
from ibid.spec import pipeline
from ibid.store.commits import Store

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items):
    missing = pytest.mark.skip(reason=f"needs the folder {SHARED.name} beside the project")
    for item in items:
        if "shared" in item.keywords and not SHARED.is_dir():
            item.add_marker(missing)


class Words:
    """A project in a folder of its own, driven by the command line or by the library."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts = root / "texts"
        self.texts.mkdir(exist_ok=True)

    def ibid(self, *arguments, code=0, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "ibid.cli", *map(str, arguments)],
            cwd=self.root,
            env=os.environ | {"COLUMNS": "200"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments):
        return json.loads(self.ibid(*arguments, "--json").stdout)

    def write(self, **texts):
        for name, text in texts.items():
            (self.texts / name).write_text(text)

    def put(self, **texts):
        self.write(**texts)
        with contextlib.closing(self.open()) as store:
            return inputs.put(self.project(), store, "texts", self.texts, replace=True)

    def compile(self):
        source = self.root / "pipelines" / "words" / "pipeline.yaml"
        compiled = files.compile_workflow(pipeline.read(source), source.read_bytes())
        files.write(source.parent / files.FOLDER, compiled)

    def edit(self, path, old, new):
        file = self.root / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def declare(self, pipelines, inputs=""):
        """Replace the pipelines of pipeline.yaml; add input repos."""
        file = self.root / "pipelines" / "words" / "pipeline.yaml"
        head = file.read_text().partition("pipelines:")[0]
        head = head.replace("environments:", f"{inputs}environments:")
        file.write_text(head + "pipelines:\n" + textwrap.indent(textwrap.dedent(pipelines), "  "))
        self.compile()

    def project(self) -> Project:
        return load(self.root)

    def open(self) -> Store:
        return self.project().home.open("words")

    def run(self):
        """Run in this process; returns the run and its events."""
        events = []
        with contextlib.closing(self.open()) as store:
            return engine.run(self.project(), store, events.append, lambda _: None), events

    def plan(self):
        with contextlib.closing(self.open()) as store:
            return {step.spec.name: step for step in planning.plan(self.project(), store)}

    def digests(self):
        with contextlib.closing(self.open()) as store:
            return {name: store.head(name).tree for name in store.repos()}

    def read(self, repo, path):
        with contextlib.closing(self.open()) as store:
            entry = store.trees.find(store.resolve(repo).tree, path)
            return store.objects.read(entry.digest).decode()


@pytest.fixture
def words(tmp_path, monkeypatch):
    monkeypatch.delenv("IBID_HOME", raising=False)
    monkeypatch.delenv("IBID_PIPELINE", raising=False)
    root = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "conformance" / "words", root)
    made = Words(root)
    made.compile()
    return made
