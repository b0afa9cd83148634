"""Why two commits differ: the first causes by name, and what followed from each."""

import contextlib
import json

import pytest

from ibid.proof.why import why
from ibid.stage.canonical import json_bytes
from ibid.stage.contract import UsageError

YAML = "pipelines/words/pipeline.yaml"


def ask(words, a="total@master^", b="total@master"):
    with contextlib.closing(words.open()) as store:
        return why(store, *(store.resolve(*ref.split("@")) for ref in (a, b)))


def said(found):
    return [(cause.kind, cause.said, cause.entered) for cause in found.causes]


def test_new_files_are_counted_and_what_followed_is_listed(done):
    done.put(one="a b", two="c", three="d e f", four="g")
    done.run()
    found = ask(done)
    assert said(found) == [
        ("input", "texts: +four", ("count", "shout")),
        ("input", "texts: +three", ("count", "shout")),
    ]
    assert [(s.repo, s.datums, s.same) for s in found.steps] == [
        ("count", (2, 4), False),
        ("shout", (2, 4), False),
        ("total", (1, 1), False),
    ]


def test_many_files_are_summed_up(done):
    done.put(one="a b", two="c", **{f"text{number}": "a" for number in range(10, 30)})
    done.run()
    causes = said(ask(done, "texts@master^", "texts@master"))
    assert causes[0] == ("input", "texts: +text10", ("texts",))
    assert causes[-1] == ("input", "texts: and 14 more", ("texts",))


def test_an_edit_that_changes_no_byte_leads_nowhere(done):
    file = done.root / "words" / "count" / "__main__.py"
    file.write_text(file.read_text() + "\n# another comment\n")
    done.run()
    found = ask(done, "count@master^", "count@master")
    assert found.same
    assert said(found) == [("code", "words/count/__main__.py changed", ("count",))]
    assert [(step.repo, step.same) for step in found.steps] == [("count", True)]


def test_a_parameter_is_named_with_both_values(words):
    words.declare(
        """\
        - name: show
          description: Write the parameter.
          cmd: [sh, -c, 'cat "$params" > "$PFS_ROOT/out/shown"']
          environment: plain
          input: {pfs: {repo: params, glob: /show.json}}
        """,
        inputs="  params: {description: Parameters.}\n",
    )
    texts = words.texts
    texts.mkdir(exist_ok=True)
    for epochs in (3, 5):
        (texts / "show.json").write_text(json.dumps({"epochs": epochs, "seed": 1}))
        words.ibid("put", "params", texts, "--replace")
    found = ask(words, "show@master^", "show@master")
    assert said(found) == [("params", "params/show.json: epochs 3 -> 5", ("show",))]


def test_a_package_and_the_threads_are_named_with_both_values(done):
    done.put(one="a b", two="c d")
    done.run()
    _cite_environment(done, "count", "one", {"numpy": "2.1.2 aa", "pillow": "12 aa"}, threads=2)
    _cite_environment(done, "count", "two", {"numpy": "2.1.3 bb", "pillow": "12 bb"}, threads=8)
    causes = said(ask(done))
    assert causes[1:] == [
        ("environment", "numpy 2.1.2 -> 2.1.3", ("count",)),
        ("environment", "pillow 12: other files", ("count",)),
        ("environment", "threads 2 -> 8", ("count",)),
    ]


def test_a_changed_spec_is_named(done):
    done.edit(YAML, "component: words.total", "env: {LEVEL: high}\n    component: words.total")
    done.compile()
    done.run()
    assert said(ask(done)) == [("spec", 'total: spec env.LEVEL absent -> "high"', ("total",))]


def test_bytes_that_differ_for_no_cause_on_record_are_the_stages_own(words):
    words.edit(YAML, 'tr a-z A-Z < "$texts"', "cat /proc/sys/kernel/random/uuid")
    words.compile()
    for text in ("a", "b", "a"):
        words.put(one=text)
        words.run()
        with contextlib.closing(words.open()) as store:
            store.database.execute("DELETE FROM results")
    found = ask(words, "total@master^^")
    same = "the same inputs, code, parameters and environment"
    assert said(found) == [("unknown", f"shout: other bytes from {same}", ("shout",))]
    assert "hint: ibid verify" in words.ibid("why", "total@master^^", "total@master").stderr


def test_what_else_was_in_force_is_said_where_nothing_else_differs(done):
    with contextlib.closing(done.open()) as store:
        head = store.head("count")
        other = store.trees.write_files({"one": b"9"}).digest
        told = json.loads(head.provenance)
        in_force = json.loads(store.objects.read(told["in_force"]))
        for one in in_force:
            one["cores"] = 99
        told["in_force"] = store.objects.put_bytes(json_bytes(in_force))
        store.database.execute(
            "UPDATE commits SET provenance = ?, tree = ? WHERE repo = 'count'",
            (json.dumps(told), other),
        )
        before = store.head("count")
        store.database.execute("DELETE FROM results")
    for text in ("d", "c"):
        done.put(one="a b", two=text)
        done.run()
    found = ask(done, f"count@{before.id}", "count@master")
    assert [cause.kind for cause in found.causes] == ["unknown", "in_force"]
    assert found.causes[1].said.startswith("count: in force cores 99 -> ")


def test_commits_of_two_repos_are_refused(done):
    with pytest.raises(UsageError, match="two commits of one repo"):
        ask(done, "count@master", "total@master")


def test_the_command_prints_a_tree_or_json(done):
    done.put(one="a b", two="c d e")
    done.run()
    lines = done.ibid("why", "total@master^", "total@master").stdout.splitlines()
    assert lines[0] == "texts: ~two"
    assert lines[1].startswith("├── count  ")
    assert lines[2].startswith("│   └── total  ")
    assert lines[-1].endswith("as above")
    told = done.json("why", "total@master^", "total@master")
    assert (told["same"], told["causes"][0]["said"]) == (False, "texts: ~two")


def _cite_environment(words, repo, which, packages, threads):
    """Let the newest output of a repo, or the one before it, cite another environment."""
    with contextlib.closing(words.open()) as store:
        commit = store.resolve(repo, "master^" if which == "one" else "master")
        told = json.loads(commit.provenance)
        described = json_bytes({"packages": packages, "machine": {"threads": threads}})
        told["environment"] = which
        told["environment_record"] = store.objects.put_bytes(described)
        store.database.execute(
            "UPDATE commits SET provenance = ? WHERE repo = ? AND id = ?",
            (json.dumps(told), repo, commit.id),
        )
