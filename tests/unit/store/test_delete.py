import contextlib

import pytest

from ibid.engine.citing import keys_once
from ibid.engine.record import cited
from ibid.store.gc import collect


@pytest.fixture
def done(prepared):
    return prepared(_three_runs)


def _three_runs(words):
    for text in ("a", "a b", "a b c"):
        words.put(one=text)
        words.run()


def addresses(words, repo):
    return [f"{repo}@{row['commit']}" for row in words.json("commits", repo)]


def test_what_others_cite_is_refused_with_their_names(done):
    newest = addresses(done, "count")[0]
    said = done.ibid("delete", "commit", newest, code=2).stderr
    assert f"is cited by {addresses(done, 'total')[0][:14]}" in said
    assert "--force" in said
    assert addresses(done, "count")[0] == newest


def test_a_commit_goes_and_its_branch_moves_to_its_parent(done):
    newest, middle, oldest = addresses(done, "total")
    done.ibid("delete", "commit", newest)
    assert addresses(done, "total") == [middle, oldest]
    done.ibid("delete", "commit", oldest)
    (left,) = done.json("commits", "total")
    assert left["parent"] is None
    assert done.ibid("cat", "total:/total.json").stdout == '{\n  "a": 1,\n  "b": 1\n}\n'
    done.ibid("run")
    assert '"c": 1' in done.ibid("cat", "total:/total.json").stdout


def test_its_bytes_go_with_gc(done):
    newest = addresses(done, "total")[0]
    digest = done.json("ls", "total")[0]["digest"]
    done.ibid("delete", "commit", newest)
    with contextlib.closing(done.open()) as store:
        assert digest in store.objects
        collect(store, cited, results=keys_once())
        assert digest not in store.objects


def test_force_keeps_the_record_that_others_cite(done):
    newest = addresses(done, "count")[0]
    done.ibid("delete", "commit", newest, "--force")
    done.ibid("gc", "--results")
    assert "deleted on 20" in done.ibid("ls", newest, code=3).stderr
    assert "deleted on 20" in done.ibid("lineage", "total").stdout
    done.ibid("run")
    assert len(done.json("ls", "count")) == 1


def test_an_input_that_others_cite_is_no_head_any_more(done):
    newest, middle, _ = addresses(done, "texts")
    done.ibid("delete", "commit", newest, "--force")
    done.ibid("gc", "--results")
    assert done.json("repos")[0]["commit"] == middle.partition("@")[2]
    done.put(two="d")
    done.run()
    assert {row["name"] for row in done.json("ls", "texts")} == {"one", "two"}
    for name in ("texts", "total"):
        done.ibid("delete", "repo", name, "--force")
    done.ibid("gc", "--results")
    done.put(one="z")
    done.run()
    assert done.ibid("cat", "total:/total.json").stdout == '{\n  "d": 1,\n  "z": 1\n}\n'
    assert {finding["kind"] for finding in done.json("doctor")["findings"]} <= {"leftover"}


def test_a_backup_restores_what_was_deleted_by_force(done, tmp_path):
    newest = addresses(done, "texts")[0]
    file, remote = tmp_path / "backup.tar", (tmp_path / "remote").as_uri()
    done.ibid("export", "total", file)
    done.ibid("push", "--remote", remote)
    for arguments in (("import", file), ("pull", "--remote", remote)):
        done.ibid("delete", "commit", newest, "--force")
        done.ibid("gc")
        assert "deleted on 20" in done.ibid("cat", f"{newest}:/one", code=3).stderr
        done.ibid(*arguments)
        assert done.ibid("cat", f"{newest}:/one").stdout == "a b c"
        assert done.json("repos")[0]["commit"] == newest.partition("@")[2]
        assert {finding["kind"] for finding in done.json("doctor")["findings"]} <= {"leftover"}


def test_a_whole_repo_goes_and_a_run_makes_it_again(done):
    before = done.digests()["total"]
    done.ibid("delete", "repo", "total")
    assert "total" not in done.digests()
    assert all(row["pipeline"] != "total" for row in done.json("jobs"))
    done.ibid("run")
    assert done.digests()["total"] == before


def test_a_branch_goes_and_its_commits_stay(done):
    newest = addresses(done, "total")[0]
    done.ibid("delete", "branch", "total@master")
    assert addresses(done, "total")[0] == newest
    assert "Expected a branch" in done.ibid("delete", "branch", "total@feed", code=2).stderr


@pytest.mark.parametrize("arguments", [("repo", "totl"), ("commit", "total@feed"), ("thing", "x")])
def test_what_is_not_there_is_said(done, arguments):
    done.ibid("delete", *arguments, code=2)
