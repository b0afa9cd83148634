"""A stage's state outlives it, belongs to its datum, and goes when the datum has succeeded."""

import contextlib
import signal
import subprocess
import sys
import time

import pytest

from ibid.engine.events import JobDone

YAML = """
- name: learn
  description: Count how often it was begun.
  environment: plain
  cmd: [sh, -c, '{script}']
  tries: {tries}
  input: {{pfs: {{repo: texts, glob: "/*"}}}}
"""
BEGIN = 'echo begun >> "$STATE_FOLDER/tries"; '
END = 'wc -l < "$STATE_FOLDER/tries" > "$PFS_ROOT/out/$(basename $texts)"'


@pytest.fixture
def learn(words):
    def declare(script, tries=1):
        words.declare(YAML.format(script=script, tries=tries))

    words.put(one="a")
    return declare


def kept(words):
    home = words.project().home
    return sorted(path.relative_to(home.state).parts for path in home.state.rglob("tries"))


def code(words):
    run, events = words.run()
    (job,) = [event for event in events if isinstance(event, JobDone)]
    return run.code, job.error


def test_a_stage_that_failed_finds_what_it_kept_and_one_that_succeeded_leaves_nothing(words, learn):
    learn(BEGIN + 'test "$(wc -l < "$STATE_FOLDER/tries")" -gt 2 || exit 1; ' + END)
    assert [code(words)[0], code(words)[0]] == [1, 1]
    assert [parts[:2] for parts in kept(words)] == [("words", "learn")]
    assert words.json("size")["state"] == len("begun\n" * 2)
    assert code(words)[0] == 0
    assert words.read("learn", "/one").strip() == "3"
    assert not [*words.project().home.state.rglob("*")][1:]  # the project's folder, empty


def test_it_outlives_the_tries_of_one_run(words, learn):
    learn(BEGIN + 'test "$(wc -l < "$STATE_FOLDER/tries")" -gt 1 || exit 75; ' + END, tries=2)
    assert code(words)[0] == 0
    assert words.read("learn", "/one").strip() == "2"


def test_it_outlives_a_run_that_was_killed(words, learn):
    learn(BEGIN + 'test "$(wc -l < "$STATE_FOLDER/tries")" -gt 1 || sleep 600; ' + END)
    run = subprocess.Popen([sys.executable, "-m", "ibid.cli", "run"], cwd=words.root)
    until = time.monotonic() + 60
    while not kept(words) and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert code(words)[0] == 0
    assert words.read("learn", "/one").strip() == "2"


def test_each_datum_has_its_own_and_sees_no_other(words, learn):
    words.put(one="a", two="b")
    learn(BEGIN + 'ls "$STATE_FOLDER/.." | wc -l; exit 1')
    code(words)
    assert len(kept(words)) == 2
    assert words.ibid("logs", "learn").stdout.split() == ["1", "1"]


def test_a_datum_that_is_no_longer_to_be_run_leaves_nothing(words, learn):
    learn(BEGIN + "exit 1")
    code(words)
    before = kept(words)
    learn(BEGIN + "exit 2")
    code(words)
    assert len(kept(words)) == 1
    assert kept(words) != before


def test_what_a_killed_run_could_not_remove_is_removed_by_the_next(words, learn):
    learn(BEGIN + END)
    code(words)
    with contextlib.closing(words.open()) as store:
        (row,) = store.database.query("SELECT key FROM results")
    left = words.project().home.state / "words" / "learn" / row["key"]
    left.mkdir(parents=True)
    (left / "tries").touch()
    words.run()
    assert not left.exists()


def test_an_audit_is_given_none_so_what_depends_on_it_is_found(words, learn):
    learn('echo "${STATE_FOLDER:+given}" > "$PFS_ROOT/out/a"')
    assert code(words)[0] == 0
    assert words.read("learn", "/a") == "given\n"
    assert "/a: was" in words.ibid("run", "--audit", "1", code=5).stderr


def test_gc_keeps_it_unless_it_is_asked_to_drop_what_only_saves_time(words, learn):
    learn(BEGIN + "exit 1")
    code(words)
    words.ibid("gc")
    assert kept(words)
    assert words.json("gc", "--results", "--dry-run")["state"] == len("begun\n")
    assert kept(words)
    assert "6 bytes of state dropped" in words.ibid("gc", "--results").stderr
    assert not kept(words)


def test_a_purge_removes_it(words, learn):
    learn(BEGIN + "exit 1")
    code(words)
    words.ibid("rm", "texts:/one", "--purge", "--no-run")
    assert not kept(words)


def test_a_pipeline_may_not_set_it_itself(words, learn):
    text = YAML.format(script="true", tries=1).replace("tries:", "env: {STATE_FOLDER: x}\n  tries:")
    words.declare(text)
    assert "STATE_FOLDER" in words.ibid("run", code=2).stderr
