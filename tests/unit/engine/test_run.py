"""What a run does, skips and refuses; seen on a project that counts words."""

import contextlib

import pytest

from ibid.engine.events import JobDone, JobStarted


def started(events):
    return {e.pipeline: e.total - e.skipped for e in events if isinstance(e, JobStarted)}


def done(events):
    return {e.pipeline: e for e in events if isinstance(e, JobDone)}


def test_a_run_makes_every_output_and_a_second_one_nothing(words):
    words.put(one="a b a", two="b c")
    first, events = words.run()
    assert started(events) == {"count": 2, "shout": 2, "total": 1}
    assert first.code == 0
    second, events = words.run()
    assert (second.done, events, second.code) == ({}, [], 0)
    assert words.read("total", "/total.json") == '{\n  "a": 2,\n  "b": 2,\n  "c": 1\n}\n'


def test_only_the_datum_that_is_new_is_run(words):
    words.put(one="a", two="b")
    words.run()
    words.put(three="c")
    _, events = words.run()
    assert started(events) == {"count": 1, "shout": 1, "total": 1}


def test_a_datum_that_was_seen_before_is_never_run_again(words):
    words.put(one="a", two="b")
    words.run()
    before = words.digests()
    words.put(one="x")
    words.run()
    words.put(one="a")
    _, events = words.run()
    assert started(events) == {"count": 0, "shout": 0, "total": 0}
    assert words.digests() == before


def test_equal_output_bytes_stop_an_edit_there(words):
    words.put(one="a b")
    words.run()
    words.edit(
        "words/count/__main__.py", "sorted(inputs", "# A comment.\n    for text in sorted(inputs"
    )
    words.edit("words/count/__main__.py", "for text in # A", "# A")
    _, events = words.run()
    assert started(events) == {"count": 1}
    assert done(events)["count"].same


def test_code_that_a_component_cannot_reach_is_not_in_its_key(words):
    words.put(one="a b")
    words.run()
    words.edit("words/total/__main__.py", "Add the counts", "Sum the counts")
    (words.root / "words" / "unused.py").write_text("1 / 0\n")
    _, events = words.run()
    assert started(events) == {"total": 1}


def test_a_stage_can_import_its_closure_only(words):
    (words.root / "words" / "hidden.py").write_text("x = 1\n")
    words.edit(
        "words/count/__main__.py",
        '    print("counting", text.name)',
        '    __import__("importlib").import_module("words.hid" + "den")',
    )
    words.put(one="a b")
    run, _ = words.run()
    assert run.code == 1
    assert "ModuleNotFoundError" in words.ibid("logs", "count").stdout


def test_the_engine_itself_cannot_be_imported_by_a_stage(words):
    words.edit(
        "words/count/__main__.py",
        '    print("counting", text.name)',
        '    __import__("importlib").import_module("ibid." + "engine")',
    )
    words.put(one="a b")
    assert words.run()[0].code == 1


def test_a_failed_datum_is_named_and_the_others_are_kept(words):
    words.put(bad="UNREADABLE", good="a b")
    run, events = words.run()
    assert run.code == 3
    assert "/bad" in done(events)["count"].error
    assert "Expected words." in done(events)["count"].error
    assert run.not_run == {"total": "count did not succeed"}
    assert done(events)["shout"].state == "success"
    words.put(bad="now readable")
    run, events = words.run()
    assert run.code == 0
    assert started(events)["count"] == 1


def test_nothing_of_a_failed_job_is_committed(words):
    words.put(bad="UNREADABLE", good="a b")
    words.run()
    assert "count" not in words.digests()


def test_only_a_temporary_failure_is_tried_again(words):
    words.edit("pipelines/words/pipeline.yaml", "batch: true", "batch: true\n    tries: 2")
    words.compile()
    words.put(bad="UNREADABLE", busy="BUSY")
    run, _ = words.run()
    assert run.code in (3, 75)
    log = words.ibid("logs", "count").stdout
    assert log.count("counting busy") == 2
    assert log.count("counting bad") == 1


def test_a_datum_that_takes_too_long_is_ended(words):
    words.edit("pipelines/words/pipeline.yaml", "batch: true", "batch: true\n    timeout: 1s")
    words.edit(
        "words/count/__main__.py",
        'print("counting"',
        '__import__("time").sleep(600), print("counting"',
    )
    words.compile()
    words.put(one="a")
    _, events = words.run()
    assert "datum_timeout" in done(events)["count"].error


def test_two_datums_that_write_one_path_fail_the_job_by_its_name(words):
    words.edit("words/count/__main__.py", "output / text.name", 'output / "same"')
    words.put(one="a", two="b")
    _, events = words.run()
    assert "/same" in done(events)["count"].error


def test_a_process_that_dies_in_a_batch_costs_its_datum_only(words):
    words.edit(
        "words/count/__main__.py",
        'print("counting", text.name)',
        'text.name == "bad" and __import__("os")._exit(9)',
    )
    words.put(bad="x", good="y", other="z")
    run, events = words.run()
    assert run.code == 1
    assert "1 of 3 datums failed" in done(events)["count"].error


def test_a_change_to_a_spec_runs_the_pipeline_again(words):
    words.put(one="a")
    words.run()
    words.edit("pipelines/words/pipeline.yaml", "tr a-z A-Z", "tr a-z a-z")
    words.compile()
    _, events = words.run()
    assert set(started(events)) == {"shout", "total"}


def test_a_resource_request_changes_no_key(words):
    words.put(one="a")
    words.run()
    words.edit("pipelines/words/pipeline.yaml", "parallelism: 2", "parallelism: 1")
    words.compile()
    assert words.run()[1] == []


def test_a_pipeline_without_a_datum_is_not_a_green_nothing(words):
    words.edit(
        "pipelines/words/pipeline.yaml", 'repo: texts, glob: "/*"', 'repo: texts, glob: "/*.md"'
    )
    words.compile()
    words.put(one="a")
    run, events = words.run()
    assert run.code == 3
    assert "/*.md" in done(events)["count"].error


def test_an_output_may_be_a_link_to_an_input(words):
    words.edit(
        "pipelines/words/pipeline.yaml",
        'tr a-z A-Z < "$texts" > "$PFS_ROOT/out/$(basename "$texts")"',
        'ln -s "$texts" "$PFS_ROOT/out/"',
    )
    words.compile()
    words.put(one="a b")
    assert words.run()[0].code == 0
    assert words.read("shout", "/one") == "a b"


def test_a_stage_that_writes_to_its_input_does_not_reach_the_store(words):
    words.edit(
        "words/count/__main__.py",
        "    words = text",
        '    text.write_text("z")\n        words = text',
    )
    words.put(one="a b")
    words.run()
    assert words.read("texts", "/one") == "a b"


def test_a_batch_gives_what_single_processes_give(words):
    words.put(one="a b", two="c", three="d d")
    words.run()
    before = words.digests()["count"]
    words.edit("pipelines/words/pipeline.yaml", "batch: true", "batch: false")
    words.compile()
    _, events = words.run()
    assert started(events)["count"] == 3
    assert words.digests()["count"] == before


def test_every_output_of_one_cause_shares_its_commit_id(words):
    words.put(one="a b")
    words.run()
    with contextlib.closing(words.open()) as store:
        assert len({store.head(name).id for name in store.repos()}) == 1


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "TZ", "LC_ALL", "SECRET"])
def test_the_callers_environment_does_not_reach_a_stage(words, variable, monkeypatch):
    monkeypatch.setenv(variable, "7")
    words.edit(
        "words/count/__main__.py", "lines = [", "lines = [str(__import__('os').environ)] + ["
    )
    words.edit(
        "words/count/__main__.py",
        "str(__import__('os').environ)",
        f"str(__import__('os').environ.get('{variable}'))",
    )
    words.put(one="a")
    words.run()
    assert "7" not in words.read("count", "/one")
