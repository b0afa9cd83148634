"""Cache honesty: a change of a part of a key re-runs its stage, one of anything else does not.

On the real pipeline of the pets, by `plan`: outputs are committed as a run would have, with the
record that the engine makes, and with a few bytes where a stage would have written its own.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ibid.compile import files as compiling
from ibid.engine import closure, record
from ibid.engine.inputs import commit_initial
from ibid.engine.plan import State, plan
from ibid.engine.project import load
from ibid.engine.work import gather
from ibid.spec import pipeline
from ibid.stage.canonical import json_bytes
from ibid.store.commits import new_id
from tests.determinism.table import Table

ROOT = Path(__file__).parents[2]
TRAINING = {"train", "tune", "model"}
FRAMEWORK = TRAINING | {"calibrate", "evaluate"}
STAGES = FRAMEWORK | {"ingest", "transform", "survey", "release", "deploy"}
# Every kind of file that is stored, and the pipelines that are given it.
FILES = {
    "stream": {"0001-a/images.tar.gz": {"ingest"}},
    "weights": {"weights.json": TRAINING},
    "ingest": {
        "pets/0001-a/pug_1/image.jpg": {"transform", "survey"},
        "quarantine/0001-a/x": {"survey"},
    },
    "transform": {
        "training/pug_1/image.png": TRAINING | {"survey"},
        "validation/pug_2/metadata.json": TRAINING | {"survey"},
        "calibration/pug_3/mask.png": TRAINING | {"survey", "calibrate"},
        "test/pug_4/image.png": TRAINING | {"survey", "evaluate"},
    },
    "survey": {"report.json": set(), "report.html": set()},
    "train": {"model.keras": {"evaluate"}, "history.csv": {"evaluate"}},
    "tune": {"optimal_hp.json": {"model"}, "trials.csv": set()},
    "model": {"model.keras": {"calibrate", "evaluate", "release"}},
    "calibrate": {"calibration.npz": {"evaluate", "release"}},
    "evaluate": {"evaluation_result.json": {"release"}},
    "release": {"release.json": {"deploy"}},
    "deploy": {"deployment.json": set()},
}
PACKAGES = {
    "pillow": STAGES,
    "tensorflow": FRAMEWORK | {"survey"},  # which it never imports: the report's packages are one
    "matplotlib": {"calibrate", "evaluate", "survey"},
    "typer": set(),
}
NO_PART = ("README.md", "components/parameters.py", "ibid/engine/run.py", "ibid/store/trees.py")


class Pets:
    """The project in a folder of its own, with an output of each pipeline."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("ibid", "components", "pipelines"):
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        shutil.copy(ROOT / "README.md", root)
        self.project = load(root, "pets")
        self.store = self.project.home.open("pets")
        for repo in ("stream", "weights"):
            self.commit(repo, FILES[repo])
        commit_initial(self.project, self.store)
        for name, spec in self.project.specs.items():
            if spec.port is None:
                self._commit_output(name)

    def commit(self, repo: str, paths, changed: str = "") -> None:
        """Commit files that hold their names; one of them something else."""
        told = {path: b'"else"' if path == changed else _content(path) for path in paths}
        tree = self.store.trees.write_files(told)
        before = self.store.head(repo)
        said = before.provenance if before else record.of_input()
        self.store.commit(repo, new_id(), tree, said)

    def _commit_output(self, name: str) -> None:
        spec = self.project.specs[name]
        heads = {source.repo: self.store.head(source.repo) for source in spec.sources}
        work = gather(self.project, self.store, spec, heads)
        request = self.project.requests[name]
        said = record.of_output(
            work,
            request,
            new_id(),
            code=0,
            started=0,
            recovered=0,
            warnings=(),
            weaker=(),
            in_force={},
        )
        tree = self.store.trees.write_files({path: _content(path) for path in FILES[name]})
        self.store.commit(name, new_id(), tree, said)

    def to_run(self) -> set[str]:
        """Name the pipelines whose own key is not that of their newest output."""
        steps = plan(load(self.root, "pets"), self.store)
        return {step.spec.name for step in steps if step.state is State.RUN}

    @contextmanager
    def stored(self, repo: str, change: Callable[[], None]) -> Iterator[None]:
        """Change a repo for a while."""
        before = self.store.head(repo).id
        change()
        yield
        with self.store.database.transaction():
            self.store.set_branch(repo, "master", before)

    def file(self, repo: str, path: str) -> AbstractContextManager[None]:
        """Have one stored file hold something else."""
        return self.stored(repo, lambda: self.commit(repo, FILES[repo], path))

    def parameters(self) -> dict[str, dict]:
        """Read the parameters of each pipeline."""
        tree = self.store.head("params").tree
        entries = self.store.trees.read(tree)
        return {e.name[:-5]: json.loads(self.store.objects.read(e.digest)) for e in entries}

    def parameter(self, name: str, path: tuple[str, ...]) -> AbstractContextManager[None]:
        """Have one parameter of one pipeline another value."""
        told = self.parameters()
        inner = told[name]
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = other(path[-1], inner[path[-1]])
        files = {f"{pipeline}.json": json_bytes(value) for pipeline, value in told.items()}
        tree = self.store.trees.write_files(files)
        return self.stored(
            "params", lambda: self.store.commit("params", new_id(), tree, record.of_input())
        )

    @contextmanager
    def source(self, path: str) -> Iterator[None]:
        """Have a source file one more line: a comment."""
        file = self.root / path
        before = file.read_bytes()
        comment = b" \n" if path.endswith(".ipynb") else b"# a comment\n"
        file.write_bytes(before + comment)
        yield
        file.write_bytes(before)

    @contextmanager
    def package(self, name: str) -> Iterator[None]:
        """Have another version of a package installed."""
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder, f"{name}-99.dist-info")
            told.mkdir()
            (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 99\n")
            (told / "RECORD").write_text(f"{told.name}/METADATA,,\n")
            sys.path.insert(0, folder)
            try:
                yield
            finally:
                sys.path.remove(folder)

    @contextmanager
    def touched(self) -> Iterator[None]:
        """Have every file another time of modification."""
        for path in self.root.glob("[!.]*/**/*"):
            os.utime(path)
        yield

    @contextmanager
    def declared(self, old: str, new: str) -> Iterator[None]:
        """Have another text in pipeline.yaml."""
        file = self.root / "pipelines/pets/pipeline.yaml"
        before = file.read_text()
        assert old in before
        for text in (before.replace(old, new), before):
            file.write_text(text)
            told = compiling.compile_workflow(pipeline.read(file), file.read_bytes())
            compiling.write(file.parent / compiling.FOLDER, told)
            if text is not before:
                yield

    def sources(self) -> dict[str, set[str]]:
        """Say of each source file which pipelines' components can reach it."""
        reached: dict[str, set[str]] = {}
        for name, spec in self.project.specs.items():
            for path in closure.resolve(self.root, spec):
                reached.setdefault(path, set()).add(name)
        return reached


def _content(path: str) -> bytes:
    return json.dumps(path).encode()


def other(name: str, value):
    """Return another value for a parameter; of the level one that there is."""
    if name in ("level", "isa"):
        return {"level": "fast", "isa": "AVX2"}[name]
    if isinstance(value, bool | str | list):
        return not value if isinstance(value, bool) else value * 2
    return (value or 0) + 1


def leaves(value: dict, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """List the paths of all parameters."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, (*before, name))
        else:
            yield (*before, name)


Change = tuple[str, AbstractContextManager[None], set[str]]


def stored_files(pets: Pets) -> Iterator[Change]:
    """Change each stored file."""
    for repo, paths in FILES.items():
        for path, readers in paths.items():
            yield f"{repo}:{path}", pets.file(repo, path), readers


def parameters(pets: Pets) -> Iterator[Change]:
    """Change each parameter of each pipeline."""
    for name, told in pets.parameters().items():
        for path in leaves(told):
            yield f"{name}.{'.'.join(path)}", pets.parameter(name, path), {name}


def source_files(pets: Pets) -> Iterator[Change]:
    """Change each source file that a component can reach."""
    for path, readers in sorted(pets.sources().items()):
        yield path, pets.source(path), readers


def packages(pets: Pets) -> Iterator[Change]:
    """Change the version of packages of each environment, and of one of the engine's."""
    for name, users in PACKAGES.items():
        yield f"{name} 99", pets.package(name), users


def nothing(pets: Pets) -> Iterator[Change]:
    """Change what is no part of any key."""
    for path in NO_PART:
        yield path, pets.source(path), set()
    yield "the time of every file", pets.touched(), set()
    yield "a description", pets.declared("Decide by the gates", "Decide, by the gates"), set()
    yield "parallelism", pets.declared("parallelism: 8", "parallelism: 3"), set()
    yield "a limit of time", pets.declared("timeout: 600s", "timeout: 601s"), set()


KINDS = {
    "a stored file": stored_files,
    "a parameter": parameters,
    "a source file": source_files,
    "a package": packages,
    "anything else": nothing,
}


def dishonest(pets: Pets, changes: Iterator[Change]) -> tuple[int, list[str]]:
    """Make one change at a time; return how many, and which re-ran more or less than it should."""
    number, wrong = 0, []
    for what, change, expected in changes:
        number += 1
        with change:
            found = pets.to_run()
        if found != expected:
            wrong.append(f"{what}: re-ran {sorted(found)}, expected {sorted(expected)}")
    return number, wrong


def prove() -> Table:
    """Make every change there is."""
    rows, wrong = [], []
    with tempfile.TemporaryDirectory() as folder:
        pets = Pets(Path(folder, "project"))
        with contextlib.closing(pets.store):
            for kind, changes in KINDS.items():
                number, found = dishonest(pets, changes(pets))
                rows.append((kind, str(number), str(number - len(found))))
                wrong += found
            if left := pets.to_run():
                wrong.append(f"with everything as it was, {sorted(left)} would run")
    return Table("Cache honesty", ("changed", "times", "honest"), tuple(rows), tuple(wrong))
