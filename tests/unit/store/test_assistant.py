"""An assistant changes how long it takes to store a folder, and nothing else."""

import os

import pytest

from ibid.store import assistant as assistants
from ibid.store.objects import Objects
from ibid.store.trees import Trees


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    (made / "inner").mkdir(parents=True)
    for number in range(600):
        (made / f"name {number}\n").write_bytes(b"%d" % number)
    (made / "large").write_bytes(os.urandom(3 << 20))
    (made / "inner" / "file").write_text("deep")
    return made


@pytest.fixture
def started(monkeypatch):
    """Count the assistants that are started; one is worth it for ten files, with two cores."""
    begun = []

    class Counted(assistants.Assistant):
        def __init__(self, objects):
            super().__init__(objects)
            begun.append(self._process)

    monkeypatch.setattr(assistants, "WORTH", 10)
    monkeypatch.setattr(assistants, "Assistant", Counted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    return begun


def added(tmp_path, name, folder):
    trees = Trees(Objects(tmp_path / name))
    tree = trees.add(folder)
    files = [(path, entry) for path, entry in trees.walk(tree.digest) if entry.kind == "file"]
    return tree, {path: trees.objects.read(entry.digest) for path, entry in files}


def test_the_tree_is_the_same(tmp_path, folder, started, monkeypatch):
    assisted, files = added(tmp_path, "assisted", folder)
    assert len(started) == 1
    assert started[0].returncode == 0
    assert len(files) == 602
    monkeypatch.setattr(assistants, "WORTH", 10_000)
    assert added(tmp_path, "alone", folder) == (assisted, files)
    assert len(started) == 1


def test_one_that_ends_too_early_costs_nothing_but_time(tmp_path, folder, started, monkeypatch):
    asking = assistants.Assistant.ask

    def end_at_the_second(self, paths):
        if hasattr(self, "asked"):
            self._process.kill()
            self._process.wait()
        self.asked = True
        asking(self, paths)

    monkeypatch.setattr(assistants.Assistant, "ask", end_at_the_second)
    _, files = added(tmp_path, "assisted", folder)
    assert files["/name 7\n"] == b"7"
    assert len(files) == 602


def test_what_it_cannot_store_is_refused_in_the_words_of_who_asked(
    tmp_path, folder, started, monkeypatch
):
    asking = assistants.Assistant.ask

    def lose_one(self, paths):
        (folder / "name 3\n").unlink(missing_ok=True)
        asking(self, paths)

    monkeypatch.setattr(assistants.Assistant, "ask", lose_one)
    with pytest.raises(FileNotFoundError, match="name 3"):
        added(tmp_path, "assisted", folder)
    assert [*(tmp_path / "assisted" / "incoming").iterdir()] == []
