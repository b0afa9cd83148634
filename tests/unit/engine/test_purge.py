"""A text withdrawn: without a trace if it is purged, and nothing else breaks."""

import contextlib

import pytest

from ibid.engine.events import JobStarted

SECRET = "xyzzy plugh"


@pytest.fixture
def done(prepared):
    return prepared(_with_a_secret)


def _with_a_secret(words):
    """Two texts, then a third that is to be withdrawn; `shout` and the logs repeat their words."""
    words.edit("words/count/__main__.py", 'print("counting", text.name)', "print(words)")
    words.put(one="a b", two="c")
    words.run()
    words.put(three=SECRET)
    words.run()


def traces(words):
    """Name the files of the home that hold the words, in any case."""
    home = words.root / ".ibid"
    found = [path for path in home.rglob("*") if path.is_file()]
    return [path.name for path in found if b"xyzzy" in path.read_bytes().lower()]


def test_withdrawing_makes_a_commit_without_the_file_and_runs(done):
    before = done.read("texts", "/three")
    said = done.ibid("rm", "texts:three")
    assert "texts@" in said.stderr
    assert "total" in said.stdout
    assert {row["name"] for row in done.json("ls", "shout")} == {"one", "two"}
    assert done.ibid("cat", "texts@master^:/three").stdout == before
    assert "Expected a path" in done.ibid("rm", "texts:three", code=2).stderr


def test_withdrawing_can_wait(done):
    done.ibid("rm", "texts:three", "--no-run")
    assert {row["name"] for row in done.json("ls", "texts")} == {"one", "two"}
    assert {row["name"] for row in done.json("ls", "shout")} == {"one", "two", "three"}


def test_a_purge_leaves_no_byte_and_says_which_outputs_cited_it(done):
    assert traces(done)
    said = done.ibid("rm", "texts:three", "--purge").stderr
    assert traces(done) == []
    for repo in ("count", "shout", "total"):
        (old,) = (row for row in done.json("commits", repo) if row["purged"])
        assert old["purged"] == "whole"
        assert f"{repo}@{old['commit'][:8]}" in said
    assert "remotes" in said


def test_the_record_of_what_was_purged_stays_and_says_so(done):
    (old,) = (row for row in done.json("commits", "texts") if row["parent"])
    digest = next(r["digest"] for r in done.json("ls", "texts") if r["name"] == "three")
    done.ibid("rm", "texts:three", "--purge")
    said = done.ibid("cat", f"texts@{old['commit']}:/three", code=3).stderr
    assert "purged on 20" in said
    assert f"was {digest}" in said
    assert done.ibid("cat", f"texts@{old['commit']}:/two").stdout == "c"
    assert "purged on 20" in done.ibid("ls", f"total@{old['commit']}", code=3).stderr
    assert "purged (whole)" in done.ibid("lineage", f"total@{old['commit']}").stdout


def test_what_did_not_see_the_file_is_not_run_again(done):
    before = done.json("commits", "total")[-1]
    done.ibid("rm", "texts:three", "--purge", "--no-run")
    _, events = done.run()
    counts = {e.pipeline: e.total - e.skipped for e in events if isinstance(e, JobStarted)}
    assert counts["count"] == 0
    assert counts["shout"] == 0
    now = done.json("commits", "total")
    assert now[0]["digest"] == before["digest"]
    assert [row["purged"] for row in now] == ["", "whole", ""]
    assert done.run()[1] == []


def test_a_plan_and_a_failing_run_get_along_with_a_purged_output(done):
    done.ibid("rm", "texts:three", "--purge", "--no-run")
    rows = {row["pipeline"]: row for row in done.json("plan")}
    assert rows["count"]["reasons"] == ["the newest output is purged"]
    assert rows["total"]["state"] == "follows"
    done.ibid("status")
    done.ibid("lineage", "total")


def test_a_file_that_only_an_older_commit_holds_can_be_purged(done):
    old = done.json("commits", "texts")[0]["commit"]
    done.ibid("rm", "texts:three")
    assert traces(done)
    done.ibid("rm", f"texts@{old}:three", "--purge")
    assert traces(done) == []
    assert done.json("doctor")["findings"] == []
    # One that was killed on the way can be called again.
    done.ibid("rm", f"texts@{old}:three", "--purge")


def test_equal_bytes_elsewhere_in_a_living_input_are_refused_by_name(done):
    done.put(copy=SECRET)
    said = done.ibid("rm", "texts:three", "--purge", code=3).stderr
    assert "texts:/copy" in said
    assert len(done.json("commits", "texts")) == 3
    done.ibid("rm", "texts:three", "texts:copy", "--purge")
    assert traces(done) == []


def test_equal_bytes_that_were_made_from_something_else_stay_and_are_named(done):
    done.put(four="a b".upper())
    done.run()
    said = done.ibid("rm", "texts:four", "--purge").stderr
    assert "still holds the same bytes" in said
    assert done.read("shout", "/one") == "A B"


def test_what_was_purged_cannot_come_back_unasked(done):
    done.ibid("rm", "texts:three", "--purge")
    said = done.ibid("put", "texts", done.texts, "--no-run", code=3).stderr
    assert "three, purged on 20" in said
    assert traces(done) == []
    done.ibid("put", "texts", done.texts, "--again")
    assert done.read("shout", "/three") == SECRET.upper()


def test_gc_keeps_what_a_purge_has_left_and_the_rest_of_old_commits(done):
    old = done.json("commits", "texts")[0]["commit"]
    done.put(two="d")
    done.ibid("rm", "texts:three", "--purge")
    done.ibid("gc")
    assert done.ibid("cat", f"texts@{old}:/two").stdout == "c"
    assert done.run()[1] == []


def test_words_that_a_failed_job_has_seen_go_too(done):
    done.put(bad="UNREADABLE")
    done.edit("words/count/__main__.py", "received=text.name", "received=str(sorted(inputs))")
    done.edit("words/count/__main__.py", "str(sorted(inputs))", "'xyzzy'")
    done.run()
    done.ibid("rm", "texts:three", "texts:bad", "--purge")
    with contextlib.closing(done.open()) as store:
        rows = store.database.query("SELECT error FROM datums WHERE error <> ''")
    assert {row["error"] for row in rows} <= {"purged"}
    # The code that said it is the project's own, and stays cited.
    assert all(len(name) == 62 for name in traces(done))


def test_outputs_cannot_be_withdrawn(done):
    assert "ibid delete" in done.ibid("rm", "count:one", code=2).stderr
    assert "REPO:PATH" in done.ibid("rm", "texts", code=2).stderr
    assert "--purge" in done.ibid("rm", "texts@master^:one", code=2).stderr


LENGTHS = """
- name: len
  description: How long each text is.
  cmd: [sh, -c, 'wc -c < "$texts" > "$PFS_ROOT/out/$(basename "$texts")"']
  environment: plain
  input: {pfs: {repo: texts, glob: "/*"}}
- name: sum
  description: All of them.
  cmd: [sh, -c, 'cat "$len"/* > "$PFS_ROOT/out/all"']
  environment: plain
  input: {pfs: {repo: len, glob: "/"}}
- name: each
  description: One by one.
  cmd: [sh, -c, 'cat "$len" > "$PFS_ROOT/out/$(basename "$len")"']
  environment: plain
  input: {pfs: {repo: len, glob: "/*"}}
"""


def _of_equal_lengths(words):
    words.declare(LENGTHS)
    words.put(one="a b", two="c d")
    words.run()


def test_what_gave_the_bytes_that_another_file_gave_too_is_followed(prepared):
    words = prepared(_of_equal_lengths)
    words.ibid("rm", "texts:one", "--purge", "--no-run")
    purged = {repo: words.json("commits", repo)[-1]["purged"] for repo in ("len", "sum", "each")}
    assert purged == dict.fromkeys(purged, "whole")
    _, events = words.run()
    counts = {e.pipeline: e.total - e.skipped for e in events if isinstance(e, JobStarted)}
    assert counts == {"len": 0, "sum": 1, "each": 0}


def test_a_newer_file_of_the_same_path_stays(done):
    old = done.json("commits", "texts")[0]["commit"]
    done.put(three="something else")
    done.ibid("rm", f"texts@{old}:three", "--purge", "--no-run")
    assert done.read("texts", "/three") == "something else"
    assert len(done.json("commits", "texts")) == 3
    assert traces(done) == []


def test_a_path_of_another_project_is_not_taken_to_leave(done):
    other = done.root / "pipelines" / "others"
    other.mkdir()
    text = (done.root / "pipelines/words/pipeline.yaml").read_text()
    (other / "pipeline.yaml").write_text(text.replace("name: words", "name: others", 1))
    done.ibid("specs", "--pipeline", "others")
    done.ibid("put", "texts", done.texts, "--no-run", "--pipeline", "others")
    said = done.ibid("rm", "texts:three", "--purge", "--pipeline", "words", code=3).stderr
    assert "texts:/three" in said
    assert len(done.json("commits", "texts", "--pipeline", "words")) == 2
