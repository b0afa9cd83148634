"""`err_cmd`: whether a job can do without a datum that failed for good, as in Pachyderm.

docs.pachyderm.com, "Skip Failed Datums": where it exits 0 the datum is recovered, its output is not
kept, and the job succeeds.
"""

import contextlib
import json

import pytest

from ibid.cli.progress import sentence
from ibid.engine.events import JobDone, JobStarted
from ibid.store.jobs import Jobs

COPY = """
- name: copy
  description: Copy what is good.
  environment: plain
  cmd: [sh, -c, 'echo out > $PFS_ROOT/out/$(basename $texts); ! grep bad $texts']
  {extra}
  input: {{pfs: {{repo: texts, glob: "/*"}}}}
"""
FORGIVE = "err_cmd: [sh]\n  err_stdin: [echo forgiven $(cat $texts), test ! -e $PFS_ROOT/out/bad]"


@pytest.fixture
def copied(words):
    def call(extra, **texts):
        words.declare(COPY.format(extra=extra))
        words.put(**texts)
        run, events = words.run()
        (job,) = [event for event in events if isinstance(event, JobDone)]
        return run, job

    return call


def test_a_datum_that_is_recovered_leaves_no_output_and_fails_nothing(words, copied):
    run, job = copied(FORGIVE, good="a", bad="bad words")
    assert (run.code, job.state, job.recovered, job.warnings) == (0, "success", 1, ())
    assert [row["name"] for row in words.json("ls", "copy")] == ["good"]
    shown = words.ibid("logs", "copy")
    assert "forgiven bad words" in shown.stdout
    assert "(/bad): recovered, exit code 1" in shown.stderr
    with contextlib.closing(words.open()) as store:
        record = json.loads(store.head("copy").provenance)
        assert (record["datums"], record["recovered"]) == (2, 1)
        rows = Jobs(store).datums("copy", store.head("copy").id)
        assert {row.label: row.state for row in rows} == {"/good": "success", "/bad": "recovered"}
    assert words.run()[1] == []


def test_one_that_is_not_forgiven_fails_the_job(words, copied):
    run, job = copied("err_cmd: [sh, -c, 'exit 7']", good="a", bad="bad words")
    assert (run.code, job.state, job.recovered) == (1, "failure", 0)
    assert "/bad:\n  exit code 1\nerr_cmd: exit code 7" in job.error


def test_a_helper_that_the_job_has_no_time_for_is_told_as_such(words, copied):
    run, job = copied("err_cmd: [sleep, '60']\n  job_timeout: 2s", bad="bad words")
    assert (run.code, job.state) == (1, "failure")
    assert "Expected the job to end within job_timeout, 2 s" in job.error
    said = words.ibid("logs", "copy").stderr
    assert "exit code 1\nerr_cmd: the job took longer than job_timeout, 2 s" in said


def test_a_job_of_recovered_datums_alone_has_an_empty_output(words, copied):
    run, job = copied(FORGIVE, bad="bad words")
    assert (run.code, job.state, job.warnings) == (0, "success", ("all-recovered",))
    assert words.json("ls", "copy") == []
    assert "Warning (all-recovered): no datum has a result, so the output is empty" in sentence(job)
    with contextlib.closing(words.open()) as store:
        assert json.loads(store.head("copy").provenance)["warnings"] == ["all-recovered"]
    words.put(other="bad too")
    assert "copy      success (all-recovered)" in words.ibid("run").stdout


def test_a_recovered_datum_is_tried_again_by_the_next_job(words, copied):
    copied(FORGIVE, good="a", bad="bad words")
    words.put(other="b")
    _, events = words.run()
    (begun,) = [event for event in events if isinstance(event, JobStarted)]
    assert (begun.total, begun.skipped) == (3, 1)


def test_a_job_that_no_longer_forgives_is_run_again(words, copied):
    copied(FORGIVE, good="a", bad="bad words")
    words.declare(COPY.format(extra=""))
    assert words.plan()["copy"].reasons[0].startswith("spec err_cmd")
    assert words.run()[0].code == 1


def test_an_output_that_cannot_be_kept_is_not_forgiven(words):
    text = COPY.format(extra="err_cmd: [sh, -c, 'exit 0']")
    words.declare(text.replace("! grep bad $texts", "ln -s /etc $PFS_ROOT/out/x"))
    words.put(a="1")
    assert words.run()[0].code == 3


def test_it_is_asked_once_after_the_last_try(words, copied):
    extra = "tries: 2\n  err_cmd: [sh, -c, 'echo asked']\n  accept_return_code: []"
    words.declare(COPY.format(extra=extra).replace("! grep bad $texts", "echo tried; exit 75"))
    words.put(a="1")
    run, _ = words.run()
    log = words.ibid("logs", "copy").stdout
    assert (run.code, log.count("tried"), log.count("asked")) == (0, 2, 1)


def test_a_batch_goes_on_after_one_was_recovered(words):
    text = (words.root / "pipelines/words/pipeline.yaml").read_text()
    (words.root / "pipelines/words/pipeline.yaml").write_text(
        text.replace("batch: true", "batch: true\n    err_cmd: [sh, -c, 'exit 0']", 1)
    )
    words.compile()
    words.put(bad="UNREADABLE", good="a b", other="c")
    run, events = words.run()
    assert run.code == 0
    jobs = {event.pipeline: event for event in events if isinstance(event, JobDone)}
    assert jobs["count"].recovered == 1
    assert {row["name"] for row in words.json("ls", "count")} == {"good", "other"}
