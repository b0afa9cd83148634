"""A memo answers as before only while what it was read from is as it was."""

import os
import time

import pytest

from ibid.engine import memo as memos
from ibid.engine.memo import Memo


class Reader:
    """Reads the names in a folder and the text of a file; counts how often."""

    def __init__(self, folder):
        self.folder, self.times = folder, 0
        self.memo = Memo(folder.parent / "memo")

    def read(self):
        self.times += 1
        names = sorted(path.name for path in self.folder.iterdir())
        text = (self.folder / "file").read_text()
        return [names, text], [self.folder, self.folder / "file", self.folder / "gone"]

    def recall(self, question="names"):
        return self.memo.recall([question], self.read)


@pytest.fixture
def reader(tmp_path, monkeypatch):
    monkeypatch.setattr(memos, "SETTLED_NS", 20_000_000)
    (tmp_path / "looked-at").mkdir()
    (tmp_path / "looked-at" / "file").write_text("text")
    time.sleep(0.1)
    return Reader(tmp_path / "looked-at")


def test_an_answer_is_worked_out_once(reader):
    assert reader.recall() == reader.recall() == [["file"], "text"]
    assert reader.times == 1
    reader.recall("another")
    assert reader.times == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "file").write_text("next"),
        lambda folder: (folder / "gone").write_text("there now"),
        lambda folder: (folder / "file").rename(folder / "other") and (folder / "file").touch(),
    ],
)
def test_an_answer_goes_with_what_it_was_read_from(reader, change):
    reader.recall()
    change(reader.folder)
    reader.recall()
    assert reader.times == 2


def test_equal_length_and_an_old_time_do_not_hide_a_change(reader):
    reader.recall()
    before = (reader.folder / "file").stat()
    (reader.folder / "file").write_text("TEXT")
    os.utime(reader.folder / "file", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reader.recall() == [["file"], "TEXT"]


def test_what_has_just_changed_is_not_yet_relied_on(reader):
    (reader.folder / "file").write_text("next")
    reader.recall()
    reader.recall()
    assert reader.times == 2


def test_an_answer_that_lost_its_bytes_is_worked_out_again(reader):
    reader.recall()
    (kept,) = reader.memo.folder.iterdir()
    kept.write_bytes(b"")
    assert reader.recall() == [["file"], "text"]
    assert reader.times == 2


def test_a_folder_that_cannot_be_written_costs_only_time(reader):
    reader.memo.folder.write_text("no folder")
    assert reader.recall() == reader.recall() == [["file"], "text"]
    assert reader.times == 2
