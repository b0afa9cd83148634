"""What tests share: a project that counts words, small enough to run many times."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from ibid.cli.main import main
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


class Quick(Words):
    """The same, with the command line in this process: starting one costs more than most work."""

    def ibid(self, *arguments, code=0, **environment):
        out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.root)
            patch.setattr(sys, "argv", ["ibid", *map(str, arguments)])
            for name, value in environment.items():
                patch.setenv(name, value)
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.raises(SystemExit) as end,
            ):
                main()
        out.flush()
        done = SimpleNamespace(
            returncode=end.value.code or 0,
            stdout=out.buffer.getvalue().decode(),
            stderr=err.getvalue(),
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


def _new_words(root):
    shutil.copytree(ROOT / "tests" / "conformance" / "words", root)
    made = Words(root)
    made.compile()
    return made


@pytest.fixture
def words(tmp_path, monkeypatch):
    monkeypatch.delenv("IBID_HOME", raising=False)
    monkeypatch.delenv("IBID_PIPELINE", raising=False)
    return _new_words(tmp_path / "project")


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory):
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture
def prepared(_prepared, tmp_path, monkeypatch):
    """Copy a project that was prepared once: preparing takes runs, copying next to nothing."""
    monkeypatch.delenv("IBID_HOME", raising=False)
    monkeypatch.delenv("IBID_PIPELINE", raising=False)

    def prepare(build):
        kept = _prepared / f"{build.__module__}.{build.__name__}"
        if not kept.exists():
            build(_new_words(kept))
        return Quick(shutil.copytree(kept, tmp_path / "project"))

    return prepare


def counted(words):
    """Two texts, run once."""
    words.put(one="a b", two="c")
    words.run()


@pytest.fixture
def done(prepared):
    return prepared(counted)
