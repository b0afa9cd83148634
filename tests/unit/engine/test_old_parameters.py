"""When the schema of the parameters has moved on, what was run before can be had again."""

import contextlib
import json
import shutil
import subprocess
import sys

import pytest
import tiny_pets

from components.sample.pack import pack
from ibid.compile import files
from ibid.engine import inputs
from ibid.engine import run as engine
from ibid.engine.project import load
from ibid.spec import pipeline
from ibid.store.trees import FOLDER, Entry

PIPELINE = """\
version: 1
name: mini
description: The first stage of the pets.
image: example/mini:1
inputs:
  stream: {description: Uploads., layout: uploads}
  params: {description: Parameters.}
environments:
  data: {extra: data}
pipelines:
  - name: ingest
    description: Take uploads apart.
    component: components.ingest
    environment: data
    input:
      cross:
        - pfs: {repo: stream, glob: "/*"}
        - pfs: {repo: params, glob: /ingest.json}
"""

NEWER = """

class Newer(Parameters):
    steps = (*Parameters.steps, lambda values: values | {"least_side": 8})
    least_side: int


Parameters = Newer
"""


class Mini:
    """A project with the code of the pets and one pipeline."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(tiny_pets.ROOT / "components", root / "components")
        source = root / "pipelines" / "mini" / "pipeline.yaml"
        source.parent.mkdir(parents=True)
        source.write_text(PIPELINE)
        files.write(
            source.parent / files.FOLDER,
            files.compile_workflow(pipeline.read(source), source.read_bytes()),
        )
        self.project = load(root)

    def put(self, repo, **contents):
        folder = self.root / repo
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / name.replace("_", ".")).write_bytes(content)
        with self.store() as store:
            return inputs.put(self.project, store, repo, folder, replace=False)

    def store(self):
        return contextlib.closing(self.project.home.open("mini"))

    def run(self):
        with self.store() as store:
            done = engine.run(self.project, store, lambda _: None, lambda _: None)
            head = store.head("ingest")
        return done, head

    def logs(self):
        return "".join(path.read_text() for path in self.project.home.path.glob("logs/*/*.log"))


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    made = Mini(tmp_path_factory.mktemp("mini"))
    packed = pack(4, 1)
    made.put("stream", images_tar_gz=packed.images, annotations_tar_gz=packed.annotations)
    return made


@pytest.fixture(scope="module")
def moved_on(mini):
    """Run, let the schema move on, run again; returns both output commits and what was run."""
    mini.put("params", ingest_json=json.dumps(tiny_pets.defaults("ingest")).encode())
    first = mini.run()
    path = mini.root / "components" / "ingest" / "parameters.py"
    path.write_text(path.read_text() + NEWER)
    return first, mini.run()


def test_new_code_reads_the_old_file_and_its_log_says_what_changed(mini, moved_on):
    (_, old), (done, new) = moved_on
    assert list(done.done) == ["ingest"]
    assert new.id != old.id
    assert new.tree == old.tree
    assert "version 2 -> 3: least_side: absent -> 8" in mini.logs()


def test_nothing_is_run_again_within_a_version(mini, moved_on):
    done, head = mini.run()
    assert (list(done.done), head.id) == ([], moved_on[1][1].id)


def test_the_old_commit_is_had_again_from_the_code_and_parameters_that_it_cites(
    mini, moved_on, tmp_path
):
    (_, old), _ = moved_on
    record = json.loads(old.provenance)
    cited = {given["repo"]: given["digest"] for given in record["inputs"]}
    with mini.store() as store:
        for name, tree in {"code": record["code"], **cited}.items():
            store.trees.checkout(Entry(name, FOLDER, tree, 0), tmp_path / "pfs" / name)
        again = subprocess.run(
            [sys.executable, "-m", record["component"],
             *("--in", f"stream={tmp_path}/pfs/stream"), *("--in", f"params={tmp_path}/pfs/params"),
             *("--out", tmp_path / "out")],
            cwd=tmp_path,
            env=tiny_pets.environment(PYTHONPATH=str(tmp_path / "pfs" / "code")),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert again.returncode == 0, again.stderr
        assert "least_side" not in again.stdout + again.stderr
        assert store.trees.add(tmp_path / "out").digest == old.tree
