"""Commits and branches: their order, their names, and what is told of a name that is wrong."""

import re
import sqlite3
import time

import pytest

from ibid.stage.contract import UsageError
from ibid.store.commits import new_id
from ibid.store.home import Home


def test_a_commit_is_the_head_of_its_branch(store, commit):
    first, second = commit("stream", a="1"), commit("stream", a="2")
    assert store.head("stream") == second
    assert (second.parent, first.parent) == (first.id, None)
    assert store.get("stream", first.id) == first
    assert store.objects.read(store.trees.find(second.tree, "/a").digest) == b"2"
    assert second.size == 1


def test_where_nothing_was_committed_there_is_no_head(store, commit):
    assert store.head("stream") is None
    commit("stream")
    assert store.head("stream", "other") is None
    assert store.get("stream", "f" * 32) is None


def test_branches_go_on_apart(store, commit):
    one, other = commit("stream", a="1"), commit("stream", branch="other", a="2")
    assert (store.head("stream"), store.head("stream", "other")) == (one, other)
    assert other.parent is None
    assert store.resolve("stream", "other") == other


def test_commits_of_one_set_share_an_id_across_repos(store, commit):
    one, other = (commit(repo, commit_id="c" * 32, a="1") for repo in ("ingest", "transform"))
    assert one.id == other.id
    assert one.tree == other.tree
    assert store.resolve("transform", "c" * 32) == other


def test_equal_files_are_equal_trees_whatever_is_said_about_them(store, commit):
    tree = store.trees.write_files({"a": b"1"})
    one = store.commit("a", new_id(), tree, '{"by": "me"}')
    assert one.tree == commit("b", a="1").tree
    assert store.head("a").provenance == '{"by": "me"}'


@pytest.mark.parametrize(
    ("ref", "number"),
    [
        ("master", 2),
        ("master^", 1),
        ("master^^", 0),
        ("20000000000000000000000000000000", 2),
        ("2", 2),
        ("1000", 1),
        ("2^", 1),
        ("2^^", 0),
        ("0", 0),
    ],
)
def test_a_commit_is_found_by_branch_id_prefix_or_steps_back(store, commit, ref, number):
    commits = [commit("stream", a=str(n)) for n in range(3)]
    assert store.resolve("stream", ref) == commits[number]


def test_a_branch_goes_before_an_id_that_begins_like_it(store, commit):
    first = commit("stream", a="1", commit_id="abc" + "0" * 29)
    branch = commit("stream", a="2", branch="abc")
    assert store.resolve("stream", "abc") == branch
    assert store.resolve("stream", "abc0") == first


@pytest.mark.parametrize("ref", ["master^^^", "0^", "2^^^^^^"])
def test_steps_beyond_the_first_commit_are_refused(store, commit, ref):
    for number in range(3):
        commit("stream", a=str(number))
    with pytest.raises(UsageError, match="to have that many parents") as caught:
        store.resolve("stream", ref)
    assert caught.value.received == ref


def test_a_prefix_of_several_ids_is_refused_with_how_many(store, commit):
    for end in "01":
        commit("stream", commit_id="ab" * 15 + "0" + end)
    with pytest.raises(UsageError, match="one commit's only") as caught:
        store.resolve("stream", "ab")
    assert "ab, which 2 commits match" in str(caught.value)
    assert "ibid commits stream" in str(caught.value)


@pytest.mark.parametrize("ref", ["mastr", "%", "_", "f" * 32])
def test_a_name_of_no_commit_is_refused(store, commit, ref):
    commit("stream")
    with pytest.raises(UsageError) as caught:
        store.resolve("stream", ref)
    assert f"{ref}, which 0 commits match" in str(caught.value)


@pytest.mark.parametrize("ref", ["", "^", "master~1", "ma^ster"])
def test_what_cannot_name_a_commit_is_refused(store, commit, ref):
    commit("stream")
    with pytest.raises(UsageError) as caught:
        store.resolve("stream", ref)
    assert caught.value.received == ref


def test_a_mistyped_repo_is_refused_with_what_it_may_mean(store, commit):
    commit("transform")
    commit("ingest")
    with pytest.raises(UsageError, match="one of: ingest, transform") as caught:
        store.resolve("tranform")
    assert "hint: did you mean transform?" in str(caught.value)


def test_a_repo_of_an_empty_store_is_refused(store):
    with pytest.raises(UsageError, match="none yet"):
        store.resolve("stream")


def test_history_is_newest_first_even_if_the_clock_was_put_back(store, commit, monkeypatch):
    made = []
    for now in (3e9, 2e9, 1e9):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        made.append(commit("stream", a=str(now)))
    assert store.history("stream") == made[::-1]
    assert store.history("nothing") == []


def test_two_projects_in_one_store_do_not_see_each_other(home, store, commit):
    commit("stream", a="1")
    other = Home(home.path).open("words")
    assert other.repos() == []
    assert other.head("stream") is None
    with pytest.raises(UsageError):
        other.resolve("stream", "0")
    other.commit("stream", "0" * 32, other.trees.write_files({"a": b"2"}), "{}")
    other.close()
    assert len(store.history("stream")) == 1
    assert store.objects.read(store.trees.find(store.head("stream").tree, "/a").digest) == b"1"


def test_repos_are_those_that_hold_a_commit(store, commit):
    for repo in ("transform", "ingest", "transform"):
        commit(repo)
    assert store.repos() == ["ingest", "transform"]


def test_a_commit_that_cannot_be_made_moves_no_branch(store, commit):
    first = commit("stream", a="1")
    with pytest.raises(sqlite3.IntegrityError):
        commit("stream", commit_id=first.id, a="2")
    assert store.head("stream") == first
    assert store.history("stream") == [first]


def test_ids_are_32_hex_digits_and_never_the_same():
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_what_was_committed_is_there_when_the_store_is_opened_again(home, store, commit):
    made = commit("stream", a="1")
    again = Home(home.path).open("pets")
    assert again.resolve("stream") == made
    again.close()
