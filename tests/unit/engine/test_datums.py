"""Globs and groups cut inputs into datums; ids name paths, keys name content."""

import contextlib

import pytest

from ibid.engine.datums import expand
from ibid.spec.preimage import Digest
from ibid.spec.spec import read_spec
from ibid.store.commits import Commit


def spec(value):
    return read_spec({"pipeline": {"name": "p"}, "transform": {"cmd": ["true"]}, "input": value})


@pytest.fixture
def cut(words):
    with contextlib.closing(words.open()) as store:

        def call(value, **repos):
            heads = {}
            for name, files in repos.items():
                tree = store.trees.write_files(
                    {path: text.encode() for path, text in files.items()}
                )
                heads[name] = Commit(name, name, None, tree.digest, tree.size, 0, "")
            return expand(spec(value).input, heads, store.trees)

        yield call


def pfs(repo, glob, **more):
    return {"pfs": {"repo": repo, "glob": glob, **more}}


def labels(datums):
    return [[(item.input, item.path) for item in datum.items] for datum in datums]


def test_the_whole_repo_is_one_datum(cut):
    assert labels(cut(pfs("a", "/"), a={"x": "1", "y/z": "2"})) == [[("a", "/")]]


def test_every_top_entry_is_a_datum(cut):
    assert labels(cut(pfs("a", "/*"), a={"x": "1", "y/z": "2"})) == [[("a", "/x")], [("a", "/y")]]


def test_a_cross_is_every_pair(cut):
    value = {"cross": [pfs("a", "/*"), pfs("b", "/*")]}
    assert labels(cut(value, a={"1": "", "2": ""}, b={"x": "", "y": ""})) == [
        [("a", "/1"), ("b", "/x")],
        [("a", "/1"), ("b", "/y")],
        [("a", "/2"), ("b", "/x")],
        [("a", "/2"), ("b", "/y")],
    ]


def test_a_group_puts_together_what_its_glob_captured_alike(cut):
    value = {"group": [pfs("a", "/*/(*)", group_by="$1")]}
    assert labels(cut(value, a={"u1/tom/i": "", "u1/kit/i": "", "u2/tom/i": ""})) == [
        [("a", "/u1/kit")],
        [("a", "/u1/tom"), ("a", "/u2/tom")],
    ]


def test_a_group_can_be_crossed(cut):
    value = {"cross": [{"group": [pfs("a", "/(*)", group_by="$1")]}, pfs("p", "/p.json")]}
    assert labels(cut(value, a={"x": "", "y": ""}, p={"p.json": "", "q.json": ""})) == [
        [("a", "/x"), ("p", "/p.json")],
        [("a", "/y"), ("p", "/p.json")],
    ]


def test_the_id_names_paths_and_the_key_content(cut):
    (old,) = cut(pfs("a", "/*"), a={"x": "1"})
    (new,) = cut(pfs("a", "/*"), a={"x": "2"})
    parts = (spec(pfs("a", "/*")), Digest("code"), Digest("environment"))
    assert old.id == new.id
    assert old.key(*parts) != new.key(*parts)


def test_a_renamed_file_has_another_key(cut):
    parts = (spec(pfs("a", "/*")), Digest("code"), Digest("environment"))
    (old,) = cut(pfs("a", "/*"), a={"x": "1"})
    (new,) = cut(pfs("a", "/*"), a={"y": "1"})
    assert old.key(*parts) != new.key(*parts)


@pytest.mark.parametrize("told", ["group_by", "join_on"])
def test_a_value_that_a_stage_is_told_is_in_the_key(cut, told):
    kind = told.partition("_")[0]
    parts = (spec(pfs("a", "/*")), Digest("code"), Digest("environment"))
    keys = {
        cut({kind: [pfs("a", "/(*)", **{told: value})]}, a={"x": "1"})[0].key(*parts)
        for value in ("$1", "$1-", "x-")
    }
    assert len(keys) == 2
