"""A verify runs what is behind a commit again, elsewhere and from what is cited, and compares."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from ibid.engine.record import cited
from ibid.proof import statement, verify
from ibid.proof.cause import MOST, REPEATS, UNTOLD
from ibid.proof.verdict import State
from ibid.stage.canonical import json_bytes
from ibid.stage.contract import BadInputError, UsageError
from ibid.store import statements
from ibid.store.remote import Remote

YAML = "pipelines/words/pipeline.yaml"
SHOUT = 'tr a-z A-Z < "$texts" > "$PFS_ROOT/out/$(basename "$texts")"'
RANDOM = 'cat /proc/sys/kernel/random/uuid > "$PFS_ROOT/out/$(basename "$texts")"'


def run_verify(words, ref="total", said=None, **options):
    """Verify in this process; returns what was found and the jobs that were started."""
    events, say = [], (said if said is not None else []).append
    with contextlib.closing(words.open()) as store:
        commit = store.resolve(*ref.split("@"))
        home = words.project().home
        found = verify.verify(home, store, commit, events.append, say, lambda _: None, **options)
        statement.write(store, found)
    return found


def states(found):
    return {stage.commit.repo: stage.state for stage in found.stages}


def not_reproducible(words):
    """A stage that gives something else each time, run."""
    words.edit(YAML, SHOUT, RANDOM)
    words.compile()
    words.put(one="a", two="b")
    words.run()


@pytest.fixture
def random(prepared):
    return prepared(not_reproducible)


def test_what_is_a_function_of_what_is_cited_is_reproduced(done):
    found = run_verify(done)
    assert found.passed
    assert states(found) == dict.fromkeys(("count", "shout", "total"), State.SAME)
    assert [(s.again, s.datums) for s in found.stages] == [(2, 2), (2, 2), (1, 1)]
    assert all(stage.found == stage.commit.tree for stage in found.stages)
    assert done.run()[1] == []


def test_nothing_but_the_store_is_needed(done):
    shutil.rmtree(done.root / "words")
    shutil.rmtree(done.texts)
    with contextlib.closing(done.open()) as store:
        store.database.execute("DELETE FROM results")
        store.objects.path(store.head("count").tree).unlink()  # it is made again, not read
    assert run_verify(done, "total").passed


def test_the_first_stage_that_differs_is_named_with_its_files_and_ends_it(random):
    before = random.digests()
    found = run_verify(random)
    assert states(found) == {
        "count": State.SAME,
        "shout": State.OTHER,
        "total": State.NOT_RUN,
    }
    assert [each.path for each in found.first.differences] == ["/one", "/two"]
    assert found.first.differences[0].then != found.first.differences[0].now
    assert random.digests() == before


def test_a_stage_that_fails_now_is_not_reproduced(done):
    with contextlib.closing(done.open()) as store:
        told = json.loads(store.head("shout").provenance)
        request = json.loads(store.objects.read(told["spec_record"]))
        request["transform"]["cmd"] = ["sh", "-c", "exit 3"]
        told["spec_record"] = store.objects.put_bytes(json_bytes(request))
        _write_record(store, "shout", told)
    found = run_verify(done)
    assert (found.first.commit.repo, found.first.why) == ("shout", "fails now: exit code 3")


def test_a_stage_that_crashes_now_is_not_reproduced(words):
    words.edit(YAML, SHOUT, f'[ "$LC_ALL" = C ] && kill -SEGV $$; {SHOUT}')
    words.compile()
    words.put(one="a")
    words.run()
    found = run_verify(words, only="shout", causes=False)
    assert found.first.why == "fails now: ended by SIGSEGV"


def test_what_will_not_pass_ends_a_verify_as_what_it_is(done):
    with contextlib.closing(done.open()) as store:
        told = json.loads(store.head("shout").provenance)
        request = json.loads(store.objects.read(told["spec_record"]))
        request["transform"]["secrets"] = [{"name": "key", "key": "K", "env_var": "K"}]
        told["spec_record"] = store.objects.put_bytes(json_bytes(request))
        _write_record(store, "shout", told)
    with pytest.raises(UsageError, match="secret"):
        run_verify(done)


def test_every_stage_is_started_in_another_setting_than_at_first(words):
    names = ["TZ", "LC_ALL", "PYTHONHASHSEED", "HOME", "TMPDIR", "PWD", "PACH_JOB_ID"]
    writes = "; ".join(f'echo "${name}" > {name}' for name in [*names, "texts_COMMIT"])
    asks = f'cd "$PFS_ROOT/out"; umask > umask; pwd > cwd; {writes}'
    words.declare(f"""\
        - name: tell
          description: Write down what must not matter.
          cmd: [sh, -c, {json.dumps(asks)}]
          environment: plain
          input: {{pfs: {{repo: texts, glob: /}}}}
        """)
    words.put(one="a")
    words.run()
    found = run_verify(words, "tell")
    told = {each.path.strip("/") for each in found.first.differences}
    assert told == {*names, "texts_COMMIT", "umask", "cwd"}


def test_an_effect_is_never_run_again_and_that_is_said(words):
    mark = words.root / "mark"
    words.edit(YAML, SHOUT, f"echo done >> {mark}; {SHOUT}")
    described = "    description: A foreign command"
    words.edit(YAML, described, f"    effect: true\n{described}")
    words.compile()
    words.put(one="a")
    words.run()
    before = mark.read_text()
    found = run_verify(words)
    assert found.passed
    assert states(found) == {
        "count": State.SAME,
        "shout": State.EFFECT,
        "total": State.SAME,
    }
    assert mark.read_text() == before


def test_a_verdict_about_an_effect_is_refused_and_the_output_behind_it_named(words):
    words.edit(YAML, "    description: Add", "    effect: true\n    description: Add")
    words.compile()
    words.put(one="a")
    words.run()
    with pytest.raises(UsageError, match="can be run again") as refused:
        run_verify(words, "total")
    hint = refused.value.hint.split()
    assert run_verify(words, hint[-1]).passed
    with pytest.raises(UsageError, match="total, an effect"):
        run_verify(words, "total", only="total")


def test_what_differs_of_the_environment_is_said_before_anything_is_run(done):
    with contextlib.closing(done.open()) as store:
        told = json.loads(store.head("count").provenance)
        other = json_bytes({"packages": {"numpy": "2.1.2 abc"}})
        told |= {"environment": "0" * 64, "environment_record": store.objects.put_bytes(other)}
        _write_record(store, "count", told)
    said = []
    found = run_verify(done, said=said)
    assert said == [
        "What is installed is not what is cited:",
        "  numpy 2.1.2 -> absent",
    ]
    assert (found.passed, found.environment) == (True, ("numpy 2.1.2 -> absent",))


def test_one_stage_alone_is_made_from_its_stored_inputs(random):
    found = run_verify(random, only="total")
    assert (states(found), found.subject.repo) == ({"total": State.SAME}, "total")
    assert run_verify(random, only="shout").first.commit.repo == "shout"


def test_a_share_of_many_datums_is_the_same_each_time(words):
    words.put(**{f"text{number}": "a" * number for number in range(1, 11)})
    words.run()
    found = run_verify(words, sample=0.2)
    assert found.passed
    assert found.sampled
    assert {s.commit.repo: s.again for s in found.stages} == {"count": 2, "shout": 2, "total": 1}


@pytest.mark.parametrize("cached", [True, False])
def test_a_sampled_datum_that_differs_is_found(random, cached):
    with contextlib.closing(random.open()) as store:
        if not cached:
            store.database.execute("DELETE FROM results")
    found = run_verify(random, sample=0.5)
    (file,) = found.first.differences
    assert file.path in ("/one", "/two")


def test_a_sample_is_compared_with_the_commit_and_not_with_what_is_cached(done):
    with contextlib.closing(done.open()) as store:
        tree = store.trees.write_files({"one": b"other", "two": b"other"})
        store.database.execute("UPDATE commits SET tree = ? WHERE repo = 'shout'", (tree.digest,))
    found = run_verify(done, only="shout", sample=0.5, causes=False)
    assert (found.first.again, len(found.first.differences)) == (1, 1)
    assert found.first.differences[0].then != found.first.differences[0].now


def test_a_file_that_a_sampled_datum_no_longer_gives_is_missed(done):
    with contextlib.closing(done.open()) as store:
        tree = store.trees.write_files({"one": b"A B", "two": b"C", "gone": b""}).digest
        store.database.execute("UPDATE commits SET tree = ? WHERE repo = 'shout'", (tree,))
        store.database.execute("UPDATE results SET tree = ?", (tree,))
    found = run_verify(done, only="shout", sample=0.5, causes=False)
    assert [(e.path, e.now) for e in found.first.differences if e.path == "/gone"] == [
        ("/gone", None)
    ]


def test_what_has_nothing_behind_it_or_no_such_stage_is_refused(done):
    with pytest.raises(UsageError, match="an output behind texts"):
        run_verify(done, "texts")
    with pytest.raises(UsageError, match="count, shout, total"):
        run_verify(done, only="totl")


def test_a_commit_whose_inputs_were_purged_is_refused(done):
    done.ibid("rm", "texts:one")
    with contextlib.closing(done.open()) as store:
        of = store.head("total").parent
    done.ibid("rm", "texts@master^:one", "--purge")
    with pytest.raises(BadInputError, match="to hold its bytes"):
        run_verify(done, f"total@{of}")


def test_the_statement_is_in_totos_and_says_what_of_and_how(random):
    found = run_verify(random)
    with contextlib.closing(random.open()) as store:
        told = statement.statement(store, found)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "https://slsa.dev/verification_summary/v1"
    (subject,) = told["subject"]
    assert subject["digest"] == {"sha256": random.digests()["total"]}
    predicate = told["predicate"]
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("FAILED", ["FAILED"])
    assert {each["name"].partition("@")[0] for each in predicate["ibid_materials"]} >= {
        "texts",
        "code of count",
        "spec of shout",
        "environment of total",
    }
    count, shout = (
        next(s for s in predicate["ibid_stages"] if s["pipeline"] == name)
        for name in ("count", "shout")
    )
    assert count["in_force"][0]["variables"]["PYTHONHASHSEED"] == "1729"
    assert shout["in_force"] == []  # it says nothing
    assert [each["path"] for each in shout["differences"]] == ["/one", "/two"]


def test_the_statement_stays_beside_the_commit_and_lineage_shows_it(done):
    told = done.json("verify", "total")
    assert told["predicate"]["verificationResult"] == "PASSED"
    assert "reproduced on" in done.ibid("lineage", "total").stdout
    origin = done.json("lineage", "total")["origins"]
    (verified,) = next(o["verified"] for o in origin.values() if o["repo"] == "total")
    assert (verified["result"], verified["level"]) == ("PASSED", "IBID_REPRODUCED")


def test_the_command_ends_with_a_table_and_exit_code_5(random):
    ended = random.ibid("verify", "total@master", code=5)
    assert "shout  other bytes" in ended.stdout
    assert "total  not run" in ended.stdout
    assert "First: shout" in ended.stderr
    assert "/one: was " in ended.stderr


def test_what_cannot_be_run_again_or_would_check_nothing_is_refused(done):
    with pytest.raises(UsageError, match="a share of the datums"):
        run_verify(done, sample=0)
    with contextlib.closing(done.open()) as store:
        told = json.loads(store.head("shout").provenance)
        request = json.loads(store.objects.read(told["spec_record"]))
        request["metadata"]["annotations"]["ibid/effect"] = "true"
        told["spec_record"] = store.objects.put_bytes(json_bytes(request))
        _write_record(store, "shout", told)
    with pytest.raises(UsageError, match="can be run again"):
        run_verify(done, only="shout")


def test_chance_that_nothing_here_can_hold_is_said_to_be_so(random):
    found = run_verify(random, only="shout")
    assert (found.cause.name, found.cause.runs) == (UNTOLD, 3)


def test_what_repeats_itself_but_is_not_on_record_came_of_something_else(done):
    with contextlib.closing(done.open()) as store:
        tree = store.trees.write_files({"one": b"A B", "two": b"X"})
        store.database.execute("UPDATE commits SET tree = ? WHERE repo = 'shout'", (tree.digest,))
    found = run_verify(done, only="shout")
    assert [each.path for each in found.first.differences] == ["/two"]
    assert found.inside == ("/two: line 1: 'X' -> 'C'",)
    assert (found.cause.name, found.cause.runs) == (REPEATS, 1)


def test_threads_are_no_cause_where_more_cores_give_other_bytes_each_time_the_same(words):
    seen = '[ "$TZ" != UTC ] && [ "$PYTHONHASHSEED" != 0 ] && echo "$PYTHONHASHSEED"'
    cores = "python -c 'import os; print(len(os.sched_getaffinity(0)))'"
    both = json.dumps(f'({seen}; {cores}) > "$PFS_ROOT/out/told"')
    words.declare(f"""\
        - name: tell
          description: Write down what two things make together, and the count of cores.
          cmd: [sh, -c, {both}]
          environment: plain
          input: {{pfs: {{repo: texts, glob: /}}}}
        """)
    words.put(one="a")
    words.run()
    found = run_verify(words, "tell")
    assert found.cause.name == UNTOLD
    assert found.cause.runs <= MOST


DIFFER = """
import sys
from ibid.stage import canonical, contract

def run(inputs, output, params):
    texts = [(inputs[name] / "one").read_text() for name in ("then", "now")]
    canonical.write_json(output / "differences.json", [f"{len(texts[0])} letters, {len(texts[1])}"])

if __name__ == "__main__":
    sys.exit(contract.main(run))
"""

NO_LIST = DIFFER.replace("[f", "f").replace('"])', '")')


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (DIFFER, ("33 letters, 33",)),
        ("raise SystemExit(7)", ("words.count.differ failed: exit code 7",)),
        ("", ("words.count.differ wrote no differences.json",)),
        (NO_LIST, ("words.count.differ wrote no list of lines to differences.json",)),
    ],
)
def test_a_component_says_itself_where_its_outputs_differ(words, source, said):
    declared = "component: words.count\n    differ: words.count.differ"
    words.edit(YAML, "component: words.count", declared)
    words.compile()
    stage = words.root / "words" / "count"
    (stage / "differ.py").write_text(source)
    code = (stage / "__main__.py").read_text().replace("import sys", "import sys, uuid", 1)
    line = '"".join(lines)'
    assert line in code
    (stage / "__main__.py").write_text(code.replace(line, 'uuid.uuid4().hex + "\\n"'))
    words.put(one="a")
    words.run()
    found = run_verify(words, "count", causes=False)
    assert found.inside == said


def test_statements_travel_with_their_commits(done, tmp_path):
    run_verify(done)
    done.ibid("export", "total", tmp_path / "total.ibid")
    with contextlib.closing(done.open()) as store:
        Remote(str(tmp_path / "remote")).push(store, cited)
    for way in (["import", tmp_path / "total.ibid"], ["pull", "--remote", tmp_path / "remote"]):
        home = tmp_path / f"home-{way[0]}"
        done.ibid(*way, IBID_HOME=str(home))
        told = done.ibid("lineage", "total", "--json", IBID_HOME=str(home)).stdout
        assert '"PASSED"' in told


def test_statements_about_what_was_purged_do_not_come_back(done, tmp_path):
    run_verify(done)
    done.ibid("export", "total", tmp_path / "total.ibid")
    with contextlib.closing(done.open()) as store:
        of = store.head("total")
        Remote(str(tmp_path / "remote")).push(store, cited)
        assert len(statements.about(store, of)) == 1
    done.ibid("rm", "texts:one", "--purge")
    done.ibid("pull", "--remote", tmp_path / "remote")
    done.ibid("import", tmp_path / "total.ibid", code=3)
    with contextlib.closing(done.open()) as store:
        assert statements.about(store, of) == []


def test_a_bundle_is_verified_by_somebody_else_from_that_one_file(done, tmp_path):
    file = tmp_path / "total.ibid"
    done.ibid("export", "total", file)
    shutil.rmtree(done.root)
    before = sorted(tmp_path.iterdir())
    ended = _elsewhere(tmp_path, file)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["predicate"]["verificationResult"] == "PASSED"
    assert sorted(tmp_path.iterdir()) == before


def test_of_a_bundle_that_fails_the_end_of_the_log_is_shown(words, tmp_path):
    fails = "echo why it failed; exit 3"
    words.edit(YAML, SHOUT, f'if [ "$LC_ALL" = C ]; then {fails}; fi; {SHOUT}')
    words.compile()
    words.put(one="a")
    words.run()
    words.ibid("export", "total", tmp_path / "total.ibid")
    ended = _elsewhere(tmp_path, tmp_path / "total.ibid", "--no-cause")
    assert ended.returncode == 5, ended.stderr
    assert "what it printed:\n  why it failed\n" in ended.stderr
    assert "printed is in" not in ended.stderr


def test_a_bundle_that_was_changed_is_refused(done, tmp_path):
    file = tmp_path / "total.ibid"
    done.ibid("export", "total", file)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert _elsewhere(tmp_path, file).returncode == 3
    assert "export has written" in done.ibid("verify", "none.ibid", code=3).stderr


def _elsewhere(folder, file, *options):
    """Verify a file where no project is."""
    return subprocess.run(
        [sys.executable, "-m", "ibid.cli", "verify", file, "--json", *options],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("IBID_")},
        capture_output=True,
        text=True,
        check=False,
    )


def _write_record(store, repo, told):
    """Let a commit cite something else, as one that was made elsewhere may."""
    store.database.execute(
        "UPDATE commits SET provenance = ? WHERE repo = ?", (json.dumps(told), repo)
    )
