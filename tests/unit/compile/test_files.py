"""The folder `generated/`: checked in, so it has to be what would be compiled now."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ibid.compile import files
from ibid.spec.pipeline import read
from ibid.spec.preimage import digest_bytes

ROOT = Path(__file__).parents[3]
SOURCES = sorted(ROOT.glob("pipelines/*/pipeline.yaml"))


def compiled(source):
    return files.compile_workflow(read(source), source.read_bytes())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.parent.name)
def test_what_is_checked_in_is_what_pipeline_yaml_says(source):
    stale = files.stale(source.parent / "generated", compiled(source))
    assert stale == [], f"run `make specs`: stale in {source.parent.name}/generated: {stale}"


def test_there_are_pipelines_to_look_at():
    assert "pets" in [source.parent.name for source in SOURCES]


PROGRAM = """
import sys
from pathlib import Path
from ibid.compile import files
from ibid.spec.pipeline import read
source = Path(sys.argv[1])
for name, data in sorted(files.compile_workflow(read(source), source.read_bytes()).items()):
    sys.stdout.buffer.write(name.encode() + data)
"""


def test_compiling_gives_the_same_bytes_elsewhere(tmp_path):
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, SOURCES[0]],
            env=os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": locale},
            cwd=folder,
            capture_output=True,
            check=True,
        ).stdout
        for zone, seed, locale, folder in (
            ("UTC", "1", "C.UTF-8", ROOT),
            ("Asia/Tokyo", "2", "C", tmp_path),
        )
    }
    (output,) = outputs
    assert len(output) > 1000


def test_compiling_changes_nothing_that_it_is_given():
    source = SOURCES[0]
    workflow = read(source)
    before = workflow.model_copy(deep=True)
    first = files.compile_workflow(workflow, source.read_bytes())
    assert workflow == before
    assert files.compile_workflow(workflow, source.read_bytes()) == first


def test_the_index_holds_what_the_specs_do_not():
    index = json.loads(compiled(SOURCES[0])["pipeline.json"])
    assert index["source"] == digest_bytes(SOURCES[0].read_bytes())
    assert index["order"][0] == "ingest"
    assert set(index["inputs"]) == {"stream", "params", "weights"}
    assert index["summary"] == {"pipeline": "evaluate", "file": "evaluation_result.csv"}
    assert index["report"]["pipeline"] == "survey"


def test_a_change_of_a_comment_makes_the_folder_stale():
    """The index knows the source's bytes: whether specs are fresh is seen without compiling."""
    source = SOURCES[0]
    changed = files.compile_workflow(read(source), source.read_bytes() + b"# more\n")
    assert files.stale(source.parent / "generated", changed) == ["pipeline.json"]


def test_writing_makes_the_folder_hold_exactly_these_files(tmp_path):
    folder = tmp_path / "generated"
    assert files.write(folder, {"a.json": b"1", "x/b.json": b"2"}) == ["a.json", "x/b.json"]
    assert files.stale(folder, {"a.json": b"1", "x/b.json": b"2"}) == []
    assert files.write(folder, {"a.json": b"1", "x/c.json": b"2"}) == ["x/b.json", "x/c.json"]
    there = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert there == [Path("a.json"), Path("x/c.json")]


def test_what_is_as_it_should_be_is_not_written_again(tmp_path):
    files.write(tmp_path, {"a.json": b"1"})
    os.utime(tmp_path / "a.json", (1, 1))
    assert files.write(tmp_path, {"a.json": b"1"}) == []
    assert (tmp_path / "a.json").stat().st_mtime == 1


def test_stale_are_the_missing_the_changed_and_the_left_over(tmp_path):
    files.write(tmp_path, {"changed": b"1", "same": b"1", "left/over": b"1"})
    wanted = {"changed": b"2", "same": b"1", "missing": b"1"}
    assert files.stale(tmp_path, wanted) == ["changed", "left/over", "missing"]
    assert files.stale(tmp_path / "nowhere", {"a": b""}) == ["a"]
