"""What nothing cites goes, what anything cites stays: seen on a store of words."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys

import pytest

from ibid.engine.citing import keys_once
from ibid.engine.record import cited
from ibid.stage.contract import BadInputError
from ibid.store.gc import collect, uncited_results
from ibid.store.size import measure


@pytest.fixture
def opened(done):
    with contextlib.closing(done.open()) as store:
        yield store


def objects(store):
    return {digest for digest, _ in store.objects.all()}


def test_everything_that_is_cited_stays(done, opened):
    collect(opened, cited)  # the code of stages as it was planned with, for one
    before = objects(opened)
    assert collect(opened, cited).objects == 0
    assert objects(opened) == before
    for repo, digest in done.digests().items():
        assert [*opened.trees.walk(digest)], repo
    assert done.run()[1] == []


def test_what_nothing_cites_goes_and_its_bytes_are_counted(opened):
    collect(opened, cited)
    digest = opened.objects.put_bytes(b"x" * 1000)
    half = opened.objects.folder / "incoming" / "left"
    half.write_bytes(b"y" * 10)
    said = collect(opened, cited, dry_run=True)
    assert digest in opened.objects
    assert (said.objects, said.bytes) == (2, 1010)
    assert collect(opened, cited) == said
    assert digest not in opened.objects
    assert not half.exists()


def test_cached_results_stay_unless_they_are_to_go(done, opened):
    done.put(one="z")
    done.run()
    opened.database.execute("DELETE FROM commits WHERE repo = 'count' AND parent IS NULL")
    assert uncited_results(opened, keys_once())
    said = collect(opened, cited)
    assert said.results == 0
    dropped = collect(opened, cited, results=keys_once())
    assert dropped.results == 1
    assert dropped.objects > 0
    assert uncited_results(opened, keys_once()) == []
    assert done.run()[1] == []


def test_the_objects_of_another_project_stay(done, opened):
    other = done.root / "pipelines" / "others"
    other.mkdir()
    text = (done.root / "pipelines/words/pipeline.yaml").read_text()
    (other / "pipeline.yaml").write_text(text.replace("name: words", "name: others", 1))
    done.ibid("specs", "--pipeline", "others")
    done.write(mine="only here")
    done.ibid("put", "texts", done.texts, "--no-run", "--pipeline", "others")
    collect(opened, cited)
    assert done.ibid("cat", "texts:/mine", "--pipeline", "others").stdout == "only here"


def test_nothing_is_swept_from_a_store_that_has_lost_a_folder(opened):
    head = opened.head("count")
    opened.objects.path(head.tree).unlink()
    left = objects(opened)
    with pytest.raises(BadInputError, match="ibid doctor"):
        collect(opened, cited)
    assert objects(opened) == left


PUT = """
import sys
from pathlib import Path
from ibid.store.home import Home
home = Home(Path(sys.argv[1]))
store = home.open("words", print)
with store.lock.shared():
    tree = store.trees.write_files({"a": b"written, and not yet cited"})
    print("written", flush=True)
    sys.stdin.readline()
    store.commit("more", "0" * 32, tree, '{"kind": "input"}')
"""


def test_what_another_process_writes_is_not_swept_before_it_is_cited(done):
    put = subprocess.Popen(
        [sys.executable, "-c", PUT, done.root / ".ibid"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert put.stdout.readline() == "written\n"
        gc = subprocess.Popen(
            [sys.executable, "-m", "ibid.cli", "gc"],
            cwd=done.root, stderr=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip
        assert f"Waiting for process {put.pid}" in gc.stderr.readline()
        put.communicate("\n", timeout=60)
        gc.communicate(timeout=60)
        assert gc.returncode == 0
    finally:
        put.kill()
        put.wait()
    assert done.ibid("cat", "more:/a").stdout == "written, and not yet cited"


def test_size_tells_what_is_logical_from_what_is_there(done, opened):
    done.put(three="a b")  # the bytes of `one` again
    found = measure(done.project().home, opened, cited)
    (texts,) = (repo for repo in found.repos if repo.repo == "texts")
    assert texts.commits == 2
    assert texts.logical == 4 + (4 + 3)
    files = {e.digest: e.size for _, e in opened.trees.walk(opened.head("texts").tree)}
    assert sum(files.values()) == 4
    assert texts.objects == len(files) + 2  # and two folders
    assert found.free == collect(opened, cited, dry_run=True)
    assert found.logs > 0


def test_the_commands_say_it_in_words_and_in_json(done):
    said = json.loads(done.ibid("gc", "--json").stdout)
    assert set(said) == {"objects", "bytes", "results", "state"}
    assert "would free 0 bytes" in done.ibid("gc", "--dry-run").stderr
    assert {row["repo"] for row in done.json("size")["repos"]} == {
        "texts", "count", "shout", "total"
    }  # fmt: skip
    assert "texts" in done.ibid("size").stdout


@pytest.mark.parametrize("arguments", [("gc",), ("delete", "commit", "total")])
def test_who_waits_for_a_run_stops_no_other_writer(done, opened, arguments):
    home = done.project().home
    waiting = [sys.executable, "-m", "ibid.cli", *arguments]
    with contextlib.ExitStack() as run:
        run.enter_context(home.run_lock(print))
        run.enter_context(opened.lock.shared())
        process = subprocess.Popen(waiting, cwd=done.root, stderr=subprocess.PIPE, text=True)
        try:
            assert f"Waiting for the run of process {os.getpid()}" in process.stderr.readline()
            with (home.path / "store.queue").open("a+") as queue:
                fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            run.close()
            process.communicate(timeout=60)
            assert process.returncode == 0
        finally:
            process.kill()
            process.wait()


def test_equal_datums_are_told_once_however_many_commits_were_made_of_them(done, opened):
    head = opened.head("count")
    keys = keys_once()
    assert len(keys(opened, head)) == 2
    assert keys(opened, head) == set()
    assert keys(opened, opened.head("texts")) == set()
    opened.database.execute("DELETE FROM commits WHERE repo = 'texts'")
    by_its_job = keys_once()
    assert len(by_its_job(opened, head)) == len(by_its_job(opened, head)) == 2
