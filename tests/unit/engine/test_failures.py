"""What goes wrong with one datum, one pipeline, one process stays there, and is told."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ibid.engine import execution, inputs
from ibid.engine.events import JobDone, JobStarted
from ibid.engine.plan import State

YAML = "pipelines/words/pipeline.yaml"
SHOUT = 'tr a-z A-Z < "$texts" > "$PFS_ROOT/out/$(basename "$texts")"'


def started(events):
    return {e.pipeline: e.total - e.skipped for e in events if isinstance(e, JobStarted)}


def done(events):
    return {e.pipeline: e for e in events if isinstance(e, JobDone)}


def edit_shout(words, old, new):
    text = (words.root / YAML).read_text()
    head, mark, rest = text.partition("  - name: shout")
    assert old in rest
    (words.root / YAML).write_text(head + mark + rest.replace(old, new, 1))
    words.compile()


def add_to_shout(words, lines):
    edit_shout(words, "    environment: plain\n", f"{lines}    environment: plain\n")


def test_a_datum_that_the_engine_ended_is_no_success_whatever_code_is_accepted(words):
    edit_shout(words, SHOUT, 'echo half > "$PFS_ROOT/out/half"; sleep 60')
    add_to_shout(words, "    accept_return_code: [1]\n    timeout: 1s\n")
    words.put(one="a")
    run, events = words.run()
    assert (run.code, done(events)["shout"].state) == (1, "failure")
    assert "shout" not in words.digests()


def test_an_accepted_code_is_a_success_and_no_refusal_unless_it_is_that_of_a_gate(words):
    edit_shout(words, SHOUT, SHOUT + "; exit 1")
    add_to_shout(words, "    accept_return_code: [1]\n")
    words.put(one="a")
    run, events = words.run()
    assert (run.code, done(events)["shout"].code) == (0, 1)


def test_a_refusal_stands_over_a_failure_that_was_taken_back(words):
    edit_shout(words, SHOUT, SHOUT + "; exit 4")
    add_to_shout(words, "    accept_return_code: [4]\n")
    words.put(one="a")
    assert words.run()[0].code == 4
    edit_shout(words, "exit 4", "exit 3")
    assert words.run()[0].code == 3
    edit_shout(words, "exit 3", "exit 4")
    run, events = words.run()
    assert (run.code, events) == (4, [])


def test_an_effect_is_done_again_when_its_input_comes_back(words):
    mark = words.root / "mark"
    edit_shout(words, SHOUT, f'cp "$texts" {mark}; {SHOUT}')
    add_to_shout(words, "    effect: true\n")
    for text in ("first", "second", "first"):
        words.put(one=text)
        words.run()
        assert mark.read_text() == text
    assert words.run()[1] == []


def test_a_kill_between_commit_and_the_end_of_its_job_wedges_nothing(words):
    words.put(one="a")
    words.run()
    with contextlib.closing(sqlite3.connect(words.root / ".ibid/ibid.db")) as database:
        database.execute("UPDATE jobs SET state = 'running' WHERE pipeline = 'shout'")
        database.commit()
    edit_shout(words, "tr a-z A-Z", "tr a-y A-Y")
    run, events = words.run()
    assert run.code == 0
    assert set(started(events)) >= {"shout"}


def test_a_wait_between_tries_ends_with_the_time_of_the_job(words, monkeypatch):
    monkeypatch.setattr(execution, "RETRY_SECONDS", 60)
    edit_shout(words, SHOUT, "echo tried; exit 75")
    add_to_shout(words, "    tries: 2\n    job_timeout: 2s\n")
    words.put(one="a")
    _, events = words.run()
    assert "Expected the job to end within job_timeout, 2 s" in done(events)["shout"].error
    assert words.ibid("logs", "shout").stdout.split() == ["tried"]


def test_a_wait_between_tries_ends_when_its_job_is_stopped(words, monkeypatch):
    monkeypatch.setattr(execution, "RETRY_SECONDS", 60)
    edit_shout(words, SHOUT, "echo tried; exit 75")
    add_to_shout(words, "    tries: 2\n")
    words.put(one="a")

    def stop():
        while not any(log.read_text() for log in words.root.glob(".ibid/logs/shout@*/*.log")):
            time.sleep(0.05)
        words.ibid("stop", "shout")

    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(stop)
        _, events = words.run()
        stopping.result()
    assert done(events)["shout"].state == "killed"
    assert words.ibid("logs", "shout").stdout.split() == ["tried"]


def test_two_puts_at_once_lose_no_file(words):
    folders = [words.root / f"texts{number}" for number in range(6)]
    for folder in folders:
        folder.mkdir()
        (folder / folder.name).write_text(folder.name)
    command = [sys.executable, "-m", "ibid.cli", "put", "texts", "--no-run"]
    running = [subprocess.Popen([*command, folder], cwd=words.root) for folder in folders]
    assert {process.wait() for process in running} == {0}
    assert {row["name"] for row in words.json("ls", "texts")} == {f.name for f in folders}


def test_a_put_during_a_run_waits_for_the_next_one(words):
    words.put(one="a")
    edit_shout(words, SHOUT, f"{SHOUT}; echo begun; sleep 2")
    edit_shout(words, "repo: shout, glob: /", "repo: texts, glob: /")
    edit_shout(
        words,
        "{cross: [{pfs: {repo: count",
        "{cross: [{pfs: {repo: shout, glob: /, name: s}}, {pfs: {repo: count",
    )
    running = subprocess.Popen([sys.executable, "-m", "ibid.cli", "run"], cwd=words.root)
    while not any(log.read_text() for log in words.root.glob(".ibid/logs/shout@*/*.log")):
        assert running.poll() is None
        time.sleep(0.05)
    words.put(two="b")
    assert running.wait() == 0
    with contextlib.closing(words.open()) as store:
        cited = {
            given["commit"]
            for name in ("count", "shout", "total")
            for given in json.loads(store.head(name).provenance)["inputs"]
            if given["repo"] == "texts"
        }
        assert cited == {store.head("texts").parent}


def test_what_one_process_leaves_in_its_folder_no_other_finds(words):
    edit_shout(words, SHOUT, 'cat "$texts" >> acc; cp acc "$PFS_ROOT/out/$(basename "$texts")"')
    words.put(one="a", two="b", three="c")
    words.run()
    assert [words.read("shout", f"/{name}") for name in ("one", "two", "three")] == ["a", "b", "c"]


ORPHANED = """
if [ ! -e {0}/begun ]; then
  setsid sh -c 'until [ -e {0}/go ]; do sleep 0.05; done
    echo bad > "$PFS_ROOT/out/bad"; touch {0}/wrote' > /dev/null 2>&1 &
  touch {0}/begun; sleep 60
fi
touch {0}/go
for _ in $(seq 40); do [ -e {0}/wrote ] || sleep 0.05; done
echo good > "$PFS_ROOT/out/good"
"""


def test_what_a_killed_run_has_left_running_cannot_write_into_the_next(words):
    (words.root / "stage.sh").write_text(ORPHANED.format(words.root))
    edit_shout(words, SHOUT, f". {words.root}/stage.sh")
    add_to_shout(words, "    effect: true\n")  # it leaves marks beside its output
    words.put(one="a")
    running = subprocess.Popen([sys.executable, "-m", "ibid.cli", "run"], cwd=words.root)
    while not (words.root / "begun").exists():
        assert running.poll() is None
        time.sleep(0.05)
    running.kill()
    running.wait()
    words.run()
    assert words.read("shout", "/good") == "good\n"
    with contextlib.closing(words.open()) as store:
        (entry,) = store.trees.read(store.head("shout").tree)
        assert entry.name == "good"


def test_a_finished_datum_is_kept_while_its_neighbour_is_at_work(words):
    slow = '__import__("time").sleep(60 * (text.name == "slow")), print("counting"'
    words.edit("words/count/__main__.py", 'print("counting"', slow)
    words.put(fast="a", slow="b")
    running = subprocess.Popen([sys.executable, "-m", "ibid.cli", "run"], cwd=words.root)
    deadline = time.monotonic() + 60
    kept = []
    while not kept and time.monotonic() < deadline:
        time.sleep(0.2)
        database = sqlite3.connect(words.root / ".ibid/ibid.db")
        with contextlib.closing(database), contextlib.suppress(sqlite3.OperationalError):
            query = "SELECT label FROM datums WHERE pipeline = 'count' AND state = 'success'"
            kept = database.execute(query).fetchall()
    running.kill()
    running.wait()
    assert kept == [("/fast",)]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("kill -9 $$", "SIGKILL"),
        ("kill -TERM $$", "SIGTERM"),
        ("kill -9 0", "SIGKILL"),
        ("exit 9", "exit code 9"),
    ],
)
def test_an_odd_end_fails_that_pipeline_alone(words, command, message):
    edit_shout(words, SHOUT, command)
    words.put(one="a")
    run, events = words.run()
    assert message in done(events)["shout"].error
    assert done(events)["count"].state == "success"
    assert run.not_run == {"total": "shout did not succeed"}


def test_a_command_that_is_not_there_is_named(words):
    edit_shout(words, "[sh, -c,", "[no-such-shell, -c,")
    words.put(one="a")
    _, events = words.run()
    assert "cannot start no-such-shell" in done(events)["shout"].error


def test_broken_code_of_one_component_costs_no_other_and_names_the_line(words):
    words.edit("words/total/__main__.py", "def run(", "def run((")
    words.put(one="a")
    run, events = words.run()
    assert set(done(events)) == {"count", "shout"}
    assert run.code == 2
    assert "line " in run.not_run["total"]


def test_no_trace_stands_in_the_log_of_a_batch_that_went_well(words):
    words.put(**{f"t{number}": "a" for number in range(8)})
    words.run()
    logs = [path.read_text() for path in words.root.glob(".ibid/logs/count@*/*.log")]
    assert "Traceback" not in "".join(logs)


def test_what_has_changed_of_its_own_is_in_the_plan_beside_what_it_follows(words):
    words.put(one="a")
    words.run()
    words.put(two="b")
    words.edit("words/total/__main__.py", "Add the counts", "Sum the counts")
    step = words.plan()["total"]
    assert (step.state, step.reasons) == (State.RUN, ("words/total/__main__.py changed",))


def test_a_file_that_was_put_twice_makes_no_second_commit(words):
    (words.root / "alone").write_text("x")
    with contextlib.closing(words.open()) as store:
        put = [
            inputs.put(words.project(), store, "texts", words.root / "alone", replace=False)
            for _ in range(2)
        ]
    assert put[0] is not None
    assert put[1] is None


def test_a_package_beside_the_environment_cannot_be_imported(words):
    words.edit("words/count/__main__.py", 'print("counting", text.name)', "import numpy")
    words.put(one="a")
    run, _ = words.run()
    assert run.code == 1
    assert "No module named 'numpy'" in words.ibid("logs", "count").stdout
    words.edit(YAML, "  plain: {}", "  plain: {extra: data}")
    words.compile()
    assert words.run()[0].code == 0
