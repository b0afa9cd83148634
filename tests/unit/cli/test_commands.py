"""The command line as people and scripts see it: stdout is data, stderr the log."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from ibid.cli.main import app

REGISTERED = {c.name or c.callback.__name__: c.callback for c in app.registered_commands}
COMMANDS = sorted(REGISTERED)


@pytest.fixture
def done(words):
    words.put(one="a b", two="c")
    words.run()
    return words


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_place_in_the_docs(command, request):
    assert REGISTERED[command].__doc__
    reference = (request.config.rootpath / "docs" / "reference" / "cli.md").read_text()
    assert f"ibid {command}" in reference


def test_every_option_stands_in_the_docs(request):
    reference = (request.config.rootpath / "docs" / "reference" / "cli.md").read_text()
    help_of = {
        name: subprocess.run(
            [sys.executable, "-m", "ibid.cli", name, "--help"],
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in COMMANDS
    }
    options = {o for text in help_of.values() for o in re.findall(r"--[a-z-]+", text)}
    assert sorted(option for option in options - {"--help"} if option not in reference) == []


def test_put_commits_starts_what_it_feeds_and_says_so(words):
    words.write(one="a")
    said = words.ibid("put", "texts", words.texts)
    assert "committed" in said.stderr
    assert "total" in said.stdout
    assert "it holds the bytes" in words.ibid("put", "texts", words.texts).stderr


def test_put_can_wait(words):
    words.write(one="a")
    words.ibid("put", "texts", words.texts, "--no-run")
    assert "count" not in words.digests()


def test_a_run_with_nothing_to_do_says_so(done):
    assert "Nothing to do" in done.ibid("run").stderr


def test_json_is_data_alone(done):
    assert [row["state"] for row in done.json("status")] == ["current"] * 3
    assert [row["state"] for row in done.json("plan")] == ["current"] * 3
    assert done.json("run") == {"code": 0, "jobs": [], "not_run": {}}
    assert {row["name"] for row in done.json("ls", "count")} == {"one", "two"}
    assert len(done.json("commits", "count")) == 1
    assert {row["pipeline"] for row in done.json("jobs")} == {"count", "shout", "total"}


def test_a_commit_is_found_by_branch_prefix_and_parent(done):
    old = done.json("commits", "count")[0]["commit"]
    done.put(one="z")
    done.run()
    new = done.json("commits", "count")[0]["commit"]
    for address, text in (
        ("count:/one", "z 1\n"),
        ("count@master:/one", "z 1\n"),
        (f"count@{new[:8]}:one", "z 1\n"),
        ("count@master^:/one", "a 1\nb 1\n"),
        (f"count@{old}:/one", "a 1\nb 1\n"),
    ):
        assert done.ibid("cat", address).stdout == text


def test_get_copies_and_never_overwrites_unasked(done, tmp_path):
    done.ibid("get", "count", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["one", "two"]
    assert "exists" in done.ibid("get", "count", tmp_path / "out", code=2).stderr
    done.ibid("get", "count:/one", tmp_path / "out", "--force")
    assert (tmp_path / "out").read_text() == "a 1\nb 1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cat", "count:/none"), "Expected a path"),
        (("cat", "count"), "Expected a file"),
        (("ls", "cuont"), "did you mean count?"),
        (("ls", "count@feed"), "0 commits match"),
        (("ls", "count@master^^"), "that many parents"),
        (("lineage", "count:/one"), "without a path"),
        (("logs", "none"), "Expected a job"),
        (("stop", "count"), "is success"),
        (("run", "--pipeline", "wrods"), "Expected one of the pipelines words"),
        (("service", "count"), "Expected a service"),
        (("sample", "x"), "words has none"),
        (("fetch", "oxford", "x"), "Expected a data set that words can fetch: none"),
        (("params",), "words has none"),
        (("put", "count", "texts"), "Expected an input repo: texts"),
        (("runn",), "No such command"),
    ],
)
def test_a_mistake_is_a_message_with_exit_code_2_and_no_trace(done, arguments, message):
    said = done.ibid(*arguments, code=2)
    assert message in said.stderr
    assert "Traceback" not in said.stderr
    assert said.stdout == ""


def test_stale_specs_are_refused_with_the_command_that_mends_them(done):
    done.edit("pipelines/words/pipeline.yaml", "Count words", "Count all words")
    said = done.ibid("run", code=2)
    assert "ibid specs --pipeline words" in said.stderr
    done.ibid("specs", "--check", code=2)
    done.ibid("specs", "--pipeline", "words")
    done.ibid("specs", "--check")
    assert "Nothing to do" in done.ibid("run").stderr


def test_outside_of_any_project_the_message_says_what_is_missing(tmp_path):
    said = subprocess.run(
        [sys.executable, "-m", "ibid.cli", "run"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 2
    assert "pipelines/NAME" in said.stderr


def test_logs_show_one_datum_alone(done):
    (two,) = (row for row in _datums(done) if row.label == "/two")
    assert done.ibid("logs", "count", "--datum", two.id[:8]).stdout.strip() == "counting two"


def _datums(words):
    from ibid.store.jobs import Jobs

    store = words.open()
    found = Jobs(store).resolve("count")
    rows = Jobs(store).datums("count", found.id)
    store.close()
    return rows


def test_a_failed_run_ends_with_the_datums_code_and_a_hint(words):
    words.put(bad="UNREADABLE")
    said = words.ibid("run", code=3)
    hint = re.search(r"hint: ibid (logs .*)", said.stderr)
    assert "counting bad" in words.ibid(*hint[1].split()).stdout


def _sleeping(words):
    words.edit("words/count/__main__.py", 'print("counting"', 'print("asleep", flush=True), '
               '__import__("time").sleep(60), print("counting"')  # fmt: skip
    words.put(one="a")
    run = subprocess.Popen(
        [sys.executable, "-m", "ibid.cli", "run"],
        cwd=words.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    log = None
    while log is None:
        assert run.poll() is None
        logs = [p for p in words.root.glob(".ibid/logs/count@*/*.log") if "asleep" in p.read_text()]
        log = next(iter(logs), None)
        time.sleep(0.05)
    return run


def test_stop_ends_a_job_that_is_running(words):
    run = _sleeping(words)
    words.ibid("stop", "count")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "count: killed" in said
    assert [row["state"] for row in words.json("jobs") if row["pipeline"] == "count"] == ["killed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_goes_on_later(words, number):
    run = _sleeping(words)
    run.send_signal(number)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "ibid run goes on" in said
    words.edit("words/count/__main__.py", "sleep(60)", "sleep(0)")
    words.ibid("run")
    assert words.read("total", "/total.json") == '{\n  "a": 1\n}\n'


def test_a_second_run_waits_and_says_for_whom(words):
    first = _sleeping(words)
    second = subprocess.Popen(
        [sys.executable, "-m", "ibid.cli", "run"],
        cwd=words.root, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert f"process {first.pid}" in second.stderr.readline()
    words.edit("words/count/__main__.py", "sleep(60)", "sleep(0)")
    words.ibid("stop", "count")
    first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert second.returncode == 0


def test_lineage_goes_down_to_the_uploads(done):
    found = done.json("lineage", "total")
    total = found["origins"][found["of"]]
    assert [given["name"] for given in total["inputs"]] == ["count", "shout"]
    texts = next(o for o in found["origins"].values() if o["repo"] == "texts")
    assert texts["holds"] == ["one", "two"]
    shown = done.ibid("lineage", "total").stdout
    assert shown.count("texts@") == 2
    assert shown.count("as above") == 1


def test_lineage_names_the_commits_that_were_given_not_the_newest(done):
    before = done.json("lineage", "total")
    done.put(one="z")
    done.run()
    assert done.json("lineage", "total@master^") == before
    assert done.json("lineage", "total") != before


def test_compare_puts_numbers_side_by_side(done):
    done.put(one="a a a b")
    done.run()
    rows = done.json("compare", "total@master^", "total")["metrics"]
    assert {"name": "a", "a": 1, "b": 3} in rows


def test_colours_are_off_where_nobody_sees_them(done):
    said = done.ibid("status", NO_COLOR="1")
    assert "\x1b" not in said.stdout + said.stderr


def test_a_run_with_nothing_to_do_loads_nothing_heavy(done):
    code = (
        "import sys; sys.argv = ['ibid', 'run']\n"
        "from ibid.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(*sys.modules, file=open('loaded', 'w'))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=done.root, check=True, capture_output=True)
    loaded = set((done.root / "loaded").read_text().split())
    heavy = {"tensorflow", "keras", "numpy", "kfp", "kubernetes", "pachyderm_sdk", "hydra"}
    heavy |= {"fsspec", "s3fs"}
    assert loaded & (heavy | {"yaml", "PIL", "matplotlib"}) == set()


def test_json_of_the_lineage_is_stable(done):
    first, second = (done.ibid("lineage", "total", "--json").stdout for _ in range(2))
    assert first == second
    assert json.loads(first)["of"].startswith("total@")


def test_get_replaces_only_by_what_is_whole(done, tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "own").write_text("of the user")
    digest = next(row["digest"] for row in done.json("ls", "count") if row["name"] == "one")
    path = done.root / ".ibid" / "objects" / digest[:2] / digest[2:]
    lost = path.read_bytes()
    path.unlink()
    assert "ibid doctor" in done.ibid("get", "count", target, "--force", code=1).stderr
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".mine")] == []
    assert (target / "own").read_text() == "of the user"
    path.write_bytes(lost)
    done.ibid("get", "count", target, "--force")
    assert {each.name for each in target.iterdir()} == {"one", "two"}
