"""Datums as Pachyderm cuts them: files in, an input, the datums that come out.

Each case names where Pachyderm says so: `iterator_test` and `worker` are the files of that name in
github.com/pachyderm/pachyderm, src/server/worker/datum; `docs` are its pages on join, group, union,
cron; `id` is DatumID in src/server/worker/common.
"""

import contextlib

import pytest

from ibid.engine.datums import expand
from ibid.spec.spec import read_spec
from ibid.store.commits import Commit

FOO = {f"foo{n}": "" for n in range(50)}


def pfs(repo, glob, **more):
    return {"pfs": {"repo": repo, "glob": glob, **more}}


def foo(glob, name="", **more):
    return pfs("foo", glob, name=name or "foo", **more)


ONES, TWOS = foo("/foo?1"), foo("/foo*2", "b")
UNION = {"union": [ONES, TWOS]}
NONE = foo("!(**)", "none")
STRAIGHT = foo("/foo(?)(?)", join_on="$1$2", group_by="$1")
TURNED = foo("/foo(?)(?)", "b", join_on="$2$1", group_by="$2")
CASES = {
    "nothing (iterator_test)": (NONE, []),
    "one sign (iterator_test)": (ONES, ["foo11", "foo21", "foo31", "foo41"]),
    "any signs (iterator_test)": (TWOS, ["foo12", "foo2", "foo22", "foo32", "foo42"]),
    "a union is all of both (iterator_test)": (
        UNION,
        ["foo11", "foo12", "foo2", "foo21", "foo22", "foo31", "foo32", "foo41", "foo42"],
    ),
    "a cross with nothing is nothing (iterator_test)": ({"cross": [UNION, NONE]}, []),
    "a cross in a cross of nothing too (iterator_test)": (
        {"cross": [{"cross": [TWOS, NONE]}, ONES]},
        [],
    ),
    "a cross of unions is that of their datums (iterator_test)": (
        {"cross": [{"union": [foo("/foo1"), foo("/foo2")]}, foo("/foo[34]", "b")]},
        ["foo1 foo3", "foo1 foo4", "foo2 foo3", "foo2 foo4"],
    ),
    "a join is of equal values (iterator_test)": (
        {"join": [STRAIGHT, TURNED]},
        [f"foo{a}{b} foo{b}{a}" for a in "1234" for b in "1234"],
    ),
    "an outer join keeps what has no match (iterator_test)": (
        {
            "join": [
                foo("/foo1(?)", join_on="$1", outer_join=True),
                foo("/foo(?)1", "b", join_on="$1", outer_join=True),
            ]
        },
        ["foo10", "foo11 foo11", "foo12 foo21", "foo13 foo31", "foo14 foo41"]
        + [f"foo1{n}" for n in "56789"],
    ),
    "a join that is outer on one side keeps that side (worker)": (
        {
            "join": [
                foo("/foo1([012])", join_on="$1", outer_join=True),
                foo("/foo(?)4", "b", join_on="$1"),
            ]
        },
        ["foo10", "foo11 foo14", "foo12 foo24"],
    ),
    "a join of one value is a cross (worker)": (
        {"join": [foo("/foo[12]", join_on="x"), foo("/foo[34]", "b", join_on="x")]},
        ["foo1 foo3", "foo1 foo4", "foo2 foo3", "foo2 foo4"],
    ),
    "a join of three drops what one lacks, but for the outer ones, once each (worker)": (
        {
            "join": [
                foo("/foo(1)", join_on="$1", outer_join=True),
                foo("/foo(1)?", "b", join_on="$1"),
                foo("/foo(3)", "c", join_on="$1"),
            ]
        },
        ["foo1"],
    ),
    "a join of nothing in common is nothing (docs)": (
        {"join": [foo("/foo(1)", join_on="$1"), foo("/foo(2)", "b", join_on="$1")]},
        [],
    ),
    "a slash at the end joins the same (iterator_test)": (
        {"join": [foo("/foo(1)/", join_on="$1"), foo("/foo(1)/", "b", join_on="$1")]},
        ["foo1 foo1"],
    ),
    "the files of a cross in a join are joined one by one (worker)": (
        {
            "join": [
                {"cross": [foo("/foo(1)", join_on="$1"), foo("/foo(2)", "b", join_on="$1")]},
                foo("/foo[34]([12])", "c", join_on="$1"),
            ]
        },
        ["foo1 foo31", "foo1 foo41", "foo2 foo32", "foo2 foo42"],
    ),
    "a group (iterator_test)": (
        {"group": [foo("/foo(?)(?)", group_by="$1")]},
        [" ".join(f"foo{a}{b}" for b in range(10)) for a in "1234"],
    ),
    "a group of two (iterator_test)": (
        {"group": [foo("/foo([12])?", group_by="$1"), foo("/foo[1234]([02])", "b", group_by="$1")]},
        [
            " ".join(f"foo{n}0" for n in "1234"),
            " ".join(f"foo1{n}" for n in range(10)),
            " ".join([*(f"foo2{n}" for n in range(10)), *(f"foo{n}2" for n in "1234")]),
        ],
    ),
    "a group of joins (iterator_test)": (
        {"group": [{"join": [STRAIGHT, TURNED]}]},
        [" ".join(f"foo{a}{b} foo{b}{a}" for b in "1234") for a in "1234"],
    ),
    "a union of files and groups (iterator_test)": (
        {"union": [foo("/foo(1)(?)"), {"group": [foo("/foo(?)(0)", group_by="$2")]}]},
        [f"foo1{n}" for n in range(10)] + ["foo10 foo20 foo30 foo40"],
    ),
    "a group by nothing is one datum (worker)": ({"group": [foo("/foo[123]")]}, ["foo1 foo2 foo3"]),
    "a file that two parts of a union give by one name is one datum (id)": (
        {"union": [foo("/foo[12]"), foo("/foo[23]")]},
        ["foo1", "foo2", "foo3"],
    ),
    "by two names it is two (id)": (
        {"union": [foo("/foo1"), foo("/foo1", "b")]},
        ["foo1", "foo1"],
    ),
    "and so are files of one path in two repos (id)": (
        {"union": [foo("/foo1", "one"), pfs("bar", "/foo1", name="one")]},
        ["foo1", "foo1"],
    ),
    "each tick of a cron is a datum (worker)": (
        {"cron": {"name": "tick", "spec": "@daily", "repo": "bar"}},
        ["2024-01-01T00:00:00Z", "foo1"],
    ),
    "a repo without a commit gives nothing (worker)": (
        {"union": [foo("/foo1"), pfs("empty", "/*", name="foo")]},
        ["foo1"],
    ),
    "nor does a cross with one (worker)": ({"cross": [foo("/foo1"), pfs("empty", "/*")]}, []),
}


@pytest.fixture
def cut(words):
    with contextlib.closing(words.open()) as store:
        repos = {"foo": FOO, "bar": {"foo1": "", "2024-01-01T00:00:00Z": ""}}
        heads = {}
        for name, files in repos.items():
            tree = store.trees.write_files({path: text.encode() for path, text in files.items()})
            heads[name] = Commit(name, name, None, tree.digest, tree.size, 0, "")

        def call(value):
            request = {"pipeline": {"name": "p"}, "transform": {"cmd": ["true"]}, "input": value}
            return expand(read_spec(request).input, heads, store.trees)

        yield call


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES)
def test_datums_are_cut_as_in_pachyderm(value, expected, cut):
    """The order of datums means nothing in Pachyderm."""
    datums = cut(value)
    found = [" ".join(item.path.strip("/") for item in datum.items) for datum in datums]
    assert sorted(_sorted(found)) == sorted(_sorted(expected))
    assert len({datum.id for datum in datums}) == len(datums)


def _sorted(labels):
    return [" ".join(sorted(label.split())) for label in labels]


def test_a_join_keeps_its_inputs_in_order(cut):
    (datum,) = cut({"join": [foo("/foo(1)2", "b", join_on="$1"), foo("/foo(1)", join_on="$1")]})
    assert [(item.input, item.join_on) for item in datum.items] == [("b", "1"), ("foo", "1")]


def test_only_the_inputs_of_its_part_are_in_a_datum_of_a_union(cut):
    assert [[item.input for item in datum.items] for datum in cut(UNION)] == [["foo"]] * 4 + [
        ["b"]
    ] * 5


def test_empty_files_are_in_the_key(cut):
    spec = read_spec({"pipeline": {"name": "p"}, "transform": {"cmd": ["a"]}, "input": ONES})
    plain, empty = (
        cut(foo("/foo1", empty_files=flag))[0].key(spec, "code", "env") for flag in (False, True)
    )
    assert plain != empty
