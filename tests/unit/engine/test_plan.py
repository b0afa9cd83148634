"""The plan says what would run, and names the cause."""

import contextlib

import pytest

from ibid.engine.citing import keys_once
from ibid.engine.plan import State
from ibid.engine.record import cited
from ibid.store.commits import DELETED, WHOLE
from ibid.store.gc import collect


def reasons(words, pipeline):
    return words.plan()[pipeline].reasons


@pytest.fixture
def done(words):
    words.put(one="a b", two="c")
    words.run()
    return words


def test_without_data_a_pipeline_waits_and_says_for_what(words):
    assert {name: step.state for name, step in words.plan().items()} == {
        "count": State.WAITS,
        "shout": State.WAITS,
        "total": State.WAITS,
    }
    assert reasons(words, "count") == ("texts",)


def test_what_is_done_is_current(done):
    assert {step.state for step in done.plan().values()} == {State.CURRENT}


def test_what_follows_is_not_promised_to_run(done):
    done.put(three="d")
    assert done.plan()["total"].state is State.FOLLOWS
    assert reasons(done, "total") == ("count", "shout")


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"three": "x"}, "texts:three is new"),
        ({"two": "x"}, "texts:two changed"),
    ],
)
def test_a_change_of_data_is_named_by_file(done, texts, reason):
    done.put(**texts)
    assert reason in reasons(done, "count")


def test_many_changed_files_are_counted(done):
    done.put(**{f"more{number}": "x" for number in range(6)})
    assert reasons(done, "count")[-1] == "texts:and 4 more files"


def test_a_file_that_is_gone_is_named(done):
    (done.texts / "two").unlink()
    done.put()
    assert "texts:two is gone" in reasons(done, "count")


def test_a_change_of_code_is_named_by_file(done):
    done.edit("words/count/__main__.py", "Count", "Counting")
    assert reasons(done, "count") == ("words/count/__main__.py changed",)


def test_a_change_of_the_command_is_named(done):
    done.edit("pipelines/words/pipeline.yaml", "tr a-z A-Z", "tr a-z B-Z")
    done.compile()
    (reason,) = reasons(done, "shout")
    assert reason.startswith("spec cmd")
    assert "tr a-z B-Z" in reason


def test_a_plan_makes_no_commit_and_no_job(done):
    done.put(three="d")
    before = done.digests()
    done.plan()
    assert done.digests() == before
    assert len(done.json("jobs")) == 3


@pytest.mark.parametrize(("how", "fate"), [(WHOLE, "purged"), (DELETED, "deleted")])
def test_an_output_whose_bytes_are_gone_is_planned_by_what_became_of_them(words, how, fate):
    words.put(one="a")
    words.run()
    with contextlib.closing(words.open()) as store:
        store.mark_purged(store.head("count"), how, 1.0)
    assert words.plan()["count"].reasons == (f"the newest output is {fate}",)


def test_an_input_that_was_deleted_and_collected_counts_as_changed(words):
    old = words.put(one="a")
    words.run()
    words.put(one="b")
    with contextlib.closing(words.open()) as store:
        store.database.execute(
            "UPDATE commits SET purged = 'whole' WHERE repo = 'texts' AND id = ?", (old.id,)
        )
        collect(store, cited, results=keys_once())
        assert old.tree not in store.objects
    (reason,) = words.plan()["count"].reasons
    assert "not in the store any more" in reason


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        ('{"a": 1}', '{"a": 2}', "texts/set.json: a 1 -> 2"),
        ('{"a": 1}', "no JSON", "texts:set.json changed"),
        ("no JSON", '{"a": 2}', "texts:set.json changed"),
        ("[", "[" * 100_000, "texts:set.json changed"),
    ],
    ids=["JSON", "JSON no more", "JSON now", "brackets without end"],
)
def test_a_change_of_a_file_that_a_glob_names_is_told(words, then, now, reason):
    words.declare(
        """\
        - name: copy
          description: Copy it.
          cmd: [sh, -c, 'cp "$texts" "$PFS_ROOT/out/"']
          environment: plain
          input: {pfs: {repo: texts, glob: /set.json}}
        """
    )
    words.put(**{"set.json": then})
    words.run()
    words.put(**{"set.json": now})
    assert reasons(words, "copy") == (reason,)
