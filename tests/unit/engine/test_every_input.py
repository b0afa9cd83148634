"""What a stage sees of each kind of input, and how run, plan and lineage cope with it."""

import contextlib
import json

import pytest

from ibid.engine.events import JobDone
from ibid.engine.plan import State

SEE = """
- name: see
  description: List what a datum sees.
  environment: plain
  cmd: [sh, -c, {command}]
  input: {input}
"""
LIST = (
    "'cd $PFS_ROOT; o=out/$(echo $PACH_DATUM_ID | cut -c1-8);"
    ' find . -type f -not -path "./out/*" | sort > $o;'
    ' env | grep -E "_COMMIT=|_ON=|_BY=" | sed "s/_COMMIT=.*/_COMMIT/" | grep -v PACH_OUTPUT'
    " | sort >> $o'"
)
MORE = "  more: {description: More.}\n"
UNION = "{union: [{pfs: {repo: texts, glob: '/*'}}, {pfs: {repo: more, glob: '/*'}}]}"


def declare(words, value, command=LIST):
    words.declare(SEE.format(input=value, command=command), inputs=MORE)


def put_more(words, **texts):
    folder = words.root / "more"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    words.ibid("put", "more", folder, "--no-run")


def seen(words):
    rows = words.json("ls", "see")
    return sorted(words.read("see", f"/{row['name']}").split() for row in rows)


def done(events):
    return {e.pipeline: e for e in events if isinstance(e, JobDone)}


def test_a_datum_of_a_union_sees_the_inputs_of_its_part_only(words):
    declare(words, UNION)
    words.put(a="1")
    put_more(words, b="2")
    assert words.run()[0].code == 0
    assert seen(words) == [["./more/b", "more_COMMIT"], ["./texts/a", "texts_COMMIT"]]


def test_a_union_runs_without_a_part_that_holds_nothing_and_again_with_it(words):
    declare(words, UNION)
    words.put(a="1")
    assert words.run()[0].code == 0
    assert seen(words) == [["./texts/a", "texts_COMMIT"]]
    assert words.plan()["see"].state is State.CURRENT
    origins = words.json("lineage", "see")["origins"].values()
    assert {origin["repo"] for origin in origins} == {"see", "texts"}
    put_more(words, b="2")
    step = words.plan()["see"]
    assert (step.state, step.reasons) == (State.RUN, ("more: a new input",))
    words.run()
    assert len(seen(words)) == 2
    origins = words.json("lineage", "see")["origins"].values()
    assert {origin["repo"] for origin in origins} == {"see", "texts", "more"}


def test_a_union_waits_while_all_its_parts_hold_nothing(words):
    declare(words, UNION)
    assert words.plan()["see"].reasons == ("texts", "more")
    assert words.run()[0].code == 3


def test_a_cross_of_one_repo_under_two_names_cites_it_twice(words):
    value = "{cross: [{pfs: {repo: texts, glob: /a}}, {pfs: {repo: texts, name: b, glob: /b}}]}"
    declare(words, value)
    words.put(a="1", b="2")
    words.run()
    assert seen(words) == [["./b/b", "./texts/a", "b_COMMIT", "texts_COMMIT"]]
    words.put(b="3")
    assert words.plan()["see"].reasons == ("b:b changed",)
    with contextlib.closing(words.open()) as store:
        cited = json.loads(store.head("see").provenance)["inputs"]
    assert [(given["name"], given["repo"]) for given in cited] == [
        ("texts", "texts"),
        ("b", "texts"),
    ]


def test_a_join_says_what_it_joined_on(words):
    leaf = "glob: '/(*)', join_on: $1"
    declare(words, f"{{join: [{{pfs: {{repo: texts, {leaf}}}}}, {{pfs: {{repo: more, {leaf}}}}}]}}")
    words.put(a="1", b="1")
    put_more(words, b="2", c="2")
    words.run()
    assert seen(words) == [
        [
            "./more/b",
            "./texts/b",
            "PACH_DATUM_more_JOIN_ON=b",
            "PACH_DATUM_texts_JOIN_ON=b",
            "more_COMMIT",
            "texts_COMMIT",
        ]
    ]


def test_a_join_of_nothing_is_not_a_green_nothing(words):
    leaf = "glob: '/(*)', join_on: $1"
    declare(words, f"{{join: [{{pfs: {{repo: texts, {leaf}}}}}, {{pfs: {{repo: more, {leaf}}}}}]}}")
    words.put(a="1")
    put_more(words, b="2")
    run, events = words.run()
    assert run.code == 3
    assert "no values of join_on are equal" in done(events)["see"].error


def test_an_outer_join_runs_while_the_other_side_holds_nothing(words):
    leaf = "glob: '/(*)', join_on: $1"
    declare(
        words,
        f"{{join: [{{pfs: {{repo: texts, {leaf}, outer_join: true}}}},"
        f" {{pfs: {{repo: more, {leaf}}}}}]}}",
    )
    words.put(a="1")
    assert words.run()[0].code == 0
    assert seen(words) == [["./texts/a", "PACH_DATUM_texts_JOIN_ON=a", "texts_COMMIT"]]


@pytest.mark.parametrize("glob", ["/*", "/"])
def test_empty_files_have_names_and_no_bytes_until_a_link_asks_for_them(words, glob):
    command = (
        "'cd $PFS_ROOT; find texts -type f | sort | xargs wc -c | head -2 > out/sizes;"
        " ln -s ../texts/a out/a'"
    )
    value = f"{{pfs: {{repo: texts, glob: '{glob}', empty_files: true}}}}"
    declare(words, value, command)
    words.put(a="some words")
    assert words.run()[0].code == 0
    assert words.read("see", "/sizes").split()[:2] == ["0", "texts/a"]
    assert words.read("see", "/a") == "some words"


def test_lazy_files_are_files_here_and_the_plan_says_so(words):
    declare(words, "{pfs: {repo: texts, glob: /, lazy: true}}")
    words.put(a="1")
    assert words.run()[0].code == 0
    assert seen(words) == [["./texts/a", "texts_COMMIT"]]
    assert "input.pfs.lazy (all)" in words.ibid("plan").stderr


def test_an_input_that_is_taken_away_is_named(words):
    declare(words, UNION)
    words.put(a="1")
    put_more(words, b="2")
    words.run()
    words.declare(SEE.format(input="{pfs: {repo: texts, glob: '/*'}}", command=LIST))
    assert words.plan()["see"].reasons == ("more: no longer an input",)


def test_two_files_of_a_datum_in_one_place_are_refused(words):
    part = "{{pfs: {{repo: {repo}, name: same, glob: /a, group_by: x}}}}"
    value = f"{{group: [{part.format(repo='texts')}, {part.format(repo='more')}]}}"
    declare(words, value.replace("repo: more, name: same", "repo: more, name: other"))
    specs = [*(words.root / "pipelines/words/generated").rglob("*see*")]
    for path in specs:  # a spec that something else has written
        path.write_text(path.read_text().replace('"other"', '"same"'))
    words.put(a="1")
    put_more(words, a="2")
    run, events = words.run()
    error = next(event.error for event in events if isinstance(event, JobDone))
    assert (run.code, "two at same/a" in error) == (3, True)
