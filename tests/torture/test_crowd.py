"""Many at once on one home: each succeeds, or waits and says for whom; never a wrong result."""

import random
import signal
import time

from tests.torture import crowd, invariants
from tests.torture.project import end

AT_ONCE = 8


def names(project, home, repo):
    return {line.split()[-1] for line in project.ibid(home, "ls", repo).out.splitlines()[1:]}


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_puts_at_once_into_a_home_that_is_not_there_yet_lose_nothing(project, tmp_path):
    """Half of them to a repo of files, half to one of uploads, where each has its own number."""
    home, commands = tmp_path / "home", []
    for number in range(AT_ONCE):
        folder = project.root / f"apart{number}"
        folder.mkdir()
        (folder / folder.name).write_text(folder.name)
        commands.append(("put", ("texts", "uploads")[number % 2], folder, "--no-run"))
    ended = crowd.at_once(project, home, commands)
    assert [one.code for one in ended] == [0] * AT_ONCE, ended
    assert names(project, home, "texts") == {f"apart{number}" for number in range(0, AT_ONCE, 2)}
    uploads = [name.rstrip("/").split("-") for name in names(project, home, "uploads")]
    assert {number for number, _ in uploads} == {"0001", "0002", "0003", "0004"}
    assert {name for _, name in uploads} == {f"apart{number}" for number in range(1, AT_ONCE, 2)}
    assert len(invariants.shown(home)) == AT_ONCE
    assert invariants.broken(home, {}) == []


def test_a_crowd_of_any_commands_gives_no_wrong_result(project, tmp_path):
    home = tmp_path / "home"
    assert project.ibid(home, "put", "texts", project.first).code == 0
    seed = random.SystemRandom().randrange(10**6)
    commands = crowd.drawn(project, random.Random(seed), AT_ONCE)
    ended = crowd.at_once(project, home, [command for command, _ in commands])
    assert crowd.wrong(commands, ended) == [], f"seed {seed}"
    assert project.ibid(home, "run").code == 0
    assert invariants.broken(home, {}) + invariants.left(home) == [], f"seed {seed}"
    assert crowd.contradictions(home) == [], f"seed {seed}"
    assert crowd.replayed(project, home, tmp_path / "alone") == [], f"seed {seed}"


def test_a_second_run_waits_says_for_whom_and_finds_nothing_to_do(project, tmp_path):
    home, go, count = tmp_path / "home", tmp_path / "go", project.root / "words/count/__main__.py"
    waits = f'while not __import__("os").path.exists({str(go)!r}): __import__("time").sleep(0.05)\n'
    slow = '        __import__("time").sleep(params["seconds"])\n'
    count.write_text(count.read_text().replace(slow, f"        {waits}"))
    assert project.ibid(home, "put", "texts", project.first, "--no-run").code == 0
    first = project.start(home, "run")
    wait_until(lambda: invariants.processes(home))
    second = project.start(home, "run")
    said = second.stderr.readline()
    go.touch()
    assert said == f"Waiting for the run of process {first.pid} to end.\n"
    assert end(first).code == 0
    ended = end(second)
    assert (ended.code, "Nothing to do" in ended.log) == (0, True)


def test_a_stage_holds_nothing_of_the_engine_and_the_engine_no_transaction(project, tmp_path):
    home = tmp_path / "home"
    assert project.ibid(home, "params", "count.seconds=1", "--commit", "--no-run").code == 0
    assert project.ibid(home, "put", "texts", project.first, "--no-run").code == 0
    running = project.start(home, "run")
    wait_until(lambda: any("words.count" in crowd.command(p) for p in invariants.processes(home)))
    opened = {p: crowd.open_files(p) for p in invariants.processes(home)}
    waited = [crowd.is_free(home) for _ in range(20)]
    assert end(running).code == 0
    assert any(opened.values())
    own = [path for paths in opened.values() for path in paths if path.startswith(str(home))]
    assert all(path.startswith((str(home / "scratch"), str(home / "logs"))) for path in own), own
    assert any(waited)


def test_parameters_that_come_before_the_first_run_ends_its_composing_are_kept(project, tmp_path):
    """The defaults are committed to an empty repo only, however long composing them took."""
    home, model = tmp_path / "home", project.root / "words" / "parameters.py"
    assert project.ibid(home, "put", "texts", project.first, "--no-run").code == 0
    meanwhile = """
import os, subprocess, sys
if os.environ.pop("MEANWHILE", None):
    mine = ["params", "count.seconds=0.5", "--commit", "--no-run"]
    subprocess.run([sys.executable, "-m", "ibid.cli", *mine], check=True)
"""
    model.write_text(model.read_text() + meanwhile)
    assert project.ibid(home, "run", MEANWHILE="1").code == 0
    assert '"seconds": 0.5' in project.ibid(home, "cat", "params@master:/count.json").out


def test_stopping_a_job_stops_it_or_says_that_it_has_ended(project, tmp_path):
    home = tmp_path / "home"
    assert project.ibid(home, "params", "count.seconds=0.2", "--commit", "--no-run").code == 0
    assert project.ibid(home, "put", "texts", project.first, "--no-run").code == 0
    running = project.start(home, "run")
    wait_until(lambda: invariants.processes(home))
    stops = []
    while running.poll() is None:
        stops += crowd.at_once(project, home, [("stop", "count"), ("stop", "shout")])
    ended = end(running)
    assert ended.code in {0, 1}
    assert {one.code for one in stops} <= {0, 2}
    assert all("Expected a job" in one.log for one in stops if one.code == 2)
    if any(one.code == 0 for one in stops) and ended.code == 1:
        assert "killed" in project.ibid(home, "jobs").out
    assert project.ibid(home, "run").code == 0
    assert invariants.broken(home, {}) + invariants.left(home) == []


def test_an_interrupted_run_leaves_its_jobs_ended_and_nothing_else(project, tmp_path):
    home = tmp_path / "home"
    assert project.ibid(home, "params", "count.seconds=30", "--commit", "--no-run").code == 0
    assert project.ibid(home, "put", "texts", project.first, "--no-run").code == 0
    for kind in (signal.SIGINT, signal.SIGTERM):
        running = project.start(home, "run")
        wait_until(lambda: invariants.processes(home))
        running.send_signal(kind)
        ended = end(running)
        assert ended.code == 1
        assert "The job was stopped." in ended.log
        assert invariants.broken(home, {}) + invariants.left(home) == []
