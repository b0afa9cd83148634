"""A few of the trials that `make torture` makes by the hundred: whatever is killed, all holds."""

import contextlib
import shutil
import signal
import sqlite3

import pytest

from tests.torture import faults, full_disk, invariants
from tests.torture.faults import Fault
from tests.torture.project import end


def test_twenty_kills_break_no_promise(campaign, capsys):
    trials = [
        *campaign.random_kills("put", 4),
        *campaign.random_kills("run", 4),
        *campaign.random_kills("put+run", 4),
        *campaign.kills_at_calls("put", 10)[:4],
        *campaign.kills_at_calls("run", 100)[:4],
    ]
    if campaign.library is None:
        trials += campaign.random_kills("run", 8)
    campaign.go(trials, print)
    assert len(trials) == 20
    assert campaign.broken == []


@pytest.mark.parametrize(("how", "error"), [("once", "EIO"), ("from", "ENOSPC")])
def test_a_failing_disk_breaks_no_promise_and_is_told_in_words(campaign, how, error):
    if campaign.library is None:
        pytest.skip("needs a C compiler, to let system calls fail")
    trials = [
        *campaign.errors("put", how, error, 40)[:1],
        *campaign.errors("run", how, error, 400)[:1],
    ]
    campaign.go(trials, print)
    assert campaign.broken == []


def test_a_full_disk_breaks_no_promise_and_is_named(tmp_path):
    if full_disk.namespace() is None:
        pytest.skip("the system allows no namespace to mount a small disk in")
    done = full_disk.started(tmp_path, 2, 1)
    assert done.returncode == 0, done.stdout
    assert "full at home" in done.stdout


def test_the_harness_sees_what_is_broken(campaign, tmp_path):
    """Each promise, broken by hand: a harness that finds nothing may be blind."""
    home = tmp_path / "home"
    shutil.copytree(campaign.scenes["put"].before, home)
    before = invariants.shown(home)
    assert invariants.broken(home, before) + invariants.left(home) == []

    database = sqlite3.connect(home / "ibid.db", isolation_level=None)
    with contextlib.closing(database):
        database.execute("UPDATE jobs SET state = 'failure' WHERE pipeline = 'total'")
        (said,) = invariants.broken(home, before)
        assert "its job has not succeeded" in said
        database.execute("UPDATE jobs SET state = 'running' WHERE pipeline = 'total'")
        assert invariants.left(home) == ["a job is running"]
        database.execute("UPDATE jobs SET state = 'success'")
        database.execute("DELETE FROM commits WHERE repo = 'texts'")
        assert len(invariants.broken(home, before)) == 2  # lost, and the branch leads nowhere

    victim = max(home.glob("objects/??/*"), key=lambda path: path.stat().st_size)
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1])
    assert any("holds other bytes" in said for said in invariants.broken(home, before))
    victim.unlink()
    assert any("is missing" in said for said in invariants.broken(home, before))
    (home / "objects" / "incoming" / "half").write_text("half")
    assert any("incoming/half" in said for said in invariants.left(home))


def test_what_a_killed_writer_left_is_removed_by_the_next(campaign, tmp_path):
    if campaign.library is None:
        pytest.skip("needs a C compiler, to kill in the middle of a write")
    home, scene = tmp_path / "home", campaign.scenes["new"]
    fault = Fault(1, "tear", only="write")
    assert campaign.meet(scene, home, fault).code == -signal.SIGKILL
    assert list((home / "objects" / "incoming").iterdir())
    assert campaign.project.ibid(home, *scene.command).code == 0
    assert invariants.left(home) == []


def test_an_error_of_the_disk_fails_one_pipeline_and_the_others_go_on(campaign, tmp_path):
    if campaign.library is None:
        pytest.skip("needs a C compiler, to let a call fail")
    home, scene = tmp_path / "home", campaign.scenes["run"]
    shutil.copytree(scene.before, home)
    fault = Fault(1, "once", "EIO", only="mkdir")  # the folder of one job's logs
    given = faults.variables(campaign.library, home, fault, tmp_path / "calls")
    given["FAULT_ROOTS"] = str(home / "logs")
    ended = end(campaign.project.start(home, *scene.command, **given))
    assert ended.code == 75
    assert sorted(line.split()[1] for line in ended.out.splitlines()[1:3]) == ["failure", "success"]
    assert "Expected a disk that can be read and written, under" in ended.log
    assert "total: not run" in ended.log


def test_a_run_that_cannot_save_says_so_and_ends_its_stages(campaign, project, tmp_path):
    if campaign.library is None:
        pytest.skip("needs a C compiler, to let a sync fail")
    count, home = project.root / "words" / "count" / "__main__.py", tmp_path / "home"
    slow = '60 * (text.name == "slow")'
    count.write_text(count.read_text().replace('params["seconds"]', slow))
    for name in ("fast", "slow"):
        (project.first / name).write_text(name)
    assert project.ibid(home, "put", "texts", project.first, "--no-run").code == 0
    fault = Fault(2, "from", "EIO", only="syncfs")  # the first is that of the parameters
    given = faults.variables(campaign.library, home, fault, tmp_path / "calls")
    ended = end(project.start(home, "run", **given))
    assert ended.code == 75
    assert f"a disk that can be read and written, under {home}" in ended.log
    assert "Traceback" not in ended.log
    assert invariants.left(home) == []
    assert "killed" in project.ibid(home, "jobs").out
