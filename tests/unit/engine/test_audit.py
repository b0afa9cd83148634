"""An audit runs again what was taken as known, and says what gives other bytes."""

import contextlib

import pytest

from ibid.engine import run as engine

YAML = "pipelines/words/pipeline.yaml"
SHOUT = 'tr a-z A-Z < "$texts" > "$PFS_ROOT/out/$(basename "$texts")"'
RANDOM = 'cat /proc/sys/kernel/random/uuid > "$PFS_ROOT/out/$(basename "$texts")"'


def audit(words, share):
    with contextlib.closing(words.open()) as store:
        return engine.run(words.project(), store, lambda _: None, lambda _: None, audit=share)


@pytest.fixture
def random(words):
    """The project with a stage that gives something else each time."""
    words.edit(YAML, SHOUT, RANDOM)
    words.compile()
    return words


def test_what_is_a_function_of_its_inputs_passes(words):
    words.put(one="a b", two="c")
    words.run()
    done = audit(words, 1)
    assert (done.code, done.audit.again, done.audit.mismatches) == (0, 5, ())


def test_a_share_is_drawn_and_rounded_up(words):
    words.put(**{f"text{number}": "a" for number in range(10)})
    words.run()
    found = audit(words, 0.05).audit
    assert (found.known, found.again) == (21, 2)


def test_other_bytes_fail_the_run_and_change_nothing_that_is_stored(random):
    random.put(one="a", two="b")
    random.run()
    before = random.digests()
    done = audit(random, 1)
    assert done.code == 5
    (one, two) = sorted(done.audit.mismatches, key=lambda mismatch: mismatch.datum)
    assert (one.pipeline, one.datum, two.datum) == ("shout", "/one", "/two")
    assert one.found[0].startswith("/one: was ")
    assert random.digests() == before
    assert random.run()[1] == []


def test_a_datum_that_fails_now_is_told(words):
    words.put(one="a")
    words.run()
    with contextlib.closing(words.open()) as store:
        head = store.head("shout")
        code = store.trees.find(head.tree, "/one").digest
        store.database.execute("UPDATE results SET code = 3 WHERE tree = ?", (head.tree,))
        assert store.objects.read(code) == b"A"
    (found,) = audit(words, 1).audit.mismatches
    assert found.found == ("exit code: was 3, is 0",)


def test_what_was_just_run_is_no_cache_hit(words):
    words.put(one="a")
    done = audit(words, 1)
    assert (done.audit.known, done.audit.again) == (0, 0)


def test_an_effect_is_never_run_again(words):
    mark = words.root / "mark"
    words.edit(YAML, SHOUT, f"echo done >> {mark}; {SHOUT}")
    described = "    description: A foreign command"
    words.edit(YAML, described, f"    effect: true\n{described}")
    words.compile()
    words.put(one="a")
    words.run()
    assert audit(words, 1).code == 0
    assert mark.read_text() == "done\n"


def test_the_command_says_what_differs_and_ends_with_the_code_for_it(random):
    random.put(one="a")
    random.ibid("run")
    said = random.ibid("run", "--audit", "1", code=5).stderr
    assert "3 of 3 known datums run again; 1 with another result" in said
    assert "shout /one" in said
    assert "hint:" in said
    assert random.json("run", "--audit", "0")["code"] == 0


def test_a_share_beyond_one_is_refused(words):
    assert "--audit" in words.ibid("run", "--audit", "2", code=2).stderr


def logs(words):
    return {path.name for path in (words.root / ".ibid" / "logs").iterdir()}


def test_an_audit_leaves_logs_only_where_something_differed_and_a_purge_takes_them(random):
    random.put(one="a", two="b")
    random.run()
    before = logs(random)
    audit(random, 1)
    (kept,) = logs(random) - before
    assert kept.startswith("shout@")
    random.ibid("rm", "texts:one", "--purge", "--no-run")
    assert kept not in logs(random)
    assert random.json("doctor")["findings"] == []


def test_an_audit_of_nothing_says_that_it_checked_nothing(words):
    words.put(one="a")
    said = words.ibid("run", "--audit", "1").stderr
    assert "nothing was checked" in said
    assert "same result" not in said


def add_to_shout(words, lines):
    described = "    description: A foreign command"
    words.edit(YAML, described, f"{lines}{described}")
    words.compile()


def test_nothing_is_forgiven_in_an_audit(words):
    words.edit(YAML, SHOUT, f"[ -e {words.root}/broken ] && exit 9; {SHOUT}")
    add_to_shout(words, "    err_cmd: ['true']\n")
    words.put(one="a", two="b")
    words.run()
    (words.root / "broken").touch()
    found = audit(words, 1).audit.mismatches
    assert [finding.found for finding in found] == [("fails now: exit code 9",)] * 2


def test_what_may_pass_is_no_mismatch_and_no_green_nothing(words):
    words.edit(YAML, SHOUT, f"[ -e {words.root}/busy ] && exit 75; {SHOUT}")
    add_to_shout(words, "")
    words.put(one="a")
    words.run()
    (words.root / "busy").touch()
    done = audit(words, 1)
    assert (done.code, done.audit.mismatches, done.audit.again) == (75, (), 2)
    assert done.audit.unsettled[0].found == ("exit code 75",)
    said = words.ibid("run", "--audit", "1", code=75).stderr
    assert "not settled: shout /one: exit code 75" in said
