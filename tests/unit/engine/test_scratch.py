"""Whatever a stage leaves in its folders, they can be emptied and the next run goes on."""

import os
from pathlib import Path

import pytest

from ibid.engine import scratch
from ibid.engine.events import JobDone
from ibid.stage.contract import BadInputError
from ibid.store.trees import DEPTH

DEEP = 1500  # more than Python's stack, and than a path may be long

DIG = """
- name: dig
  description: Make folders in folders.
  environment: plain
  cmd: [python, -c, "{code}"]
  {extra}
  input: {{pfs: {{repo: texts, glob: "/*"}}}}
"""
CODE = (
    "import os; os.chdir(os.environ['{where}']); "
    f"[(os.mkdir('d' * 20), os.chdir('d' * 20)) for _ in range({DEEP})]"
)


def dig(folder, depth, name="d" * 20):
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    for _ in range(depth):
        Path(name).mkdir()
        os.chdir(name)
    os.fchdir(before)
    os.close(before)


def test_folders_are_removed_however_deep_they_are_and_whatever_their_rights(tmp_path):
    folder = tmp_path / "folder"
    (folder / "kept").mkdir(parents=True)
    dig(folder, DEEP)
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/file").write_text("x")
    (folder / "link").symlink_to(tmp_path)
    for path in (folder / "a/b", folder / "a"):
        path.chmod(0)
    scratch.empty(folder, keep="kept")
    assert [each.name for each in folder.iterdir()] == ["kept"]
    scratch.remove(folder)
    scratch.remove(folder)
    assert not [*tmp_path.iterdir()]


def test_what_is_below_a_folder_is_listed_to_the_depth_that_an_output_may_have(tmp_path):
    dig(tmp_path, DEPTH - 1, "d")
    assert len([*scratch.entries(tmp_path)]) == DEPTH - 1
    dig(tmp_path, DEEP)
    with pytest.raises(BadInputError, match=f"at most {DEPTH} folders"):
        [*scratch.entries(tmp_path)]
    scratch.empty(tmp_path)


@pytest.mark.parametrize(
    ("where", "extra", "code"),
    [
        ("TMPDIR", "", 0),
        ("TMPDIR", "limits: {disk: 1G}", 3),
        ("OUT", "env: {OUT: ../pfs/out}", 3),
    ],
)
def test_a_stage_that_digs_wedges_nothing(words, where, extra, code):
    words.declare(DIG.format(code=CODE.format(where=where), extra=extra))
    words.put(a="1")
    run, events = words.run()
    error = next(event.error for event in events if isinstance(event, JobDone))
    assert (run.code, "at most 100 folders" in error) == (code, code == 3)
    assert not (words.root / ".ibid/scratch").exists()
