"""Globs, by the rules of Pachyderm's library ohmyglob."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibid.spec.glob import compile_glob
from ibid.stage.contract import UsageError

steady = settings(deadline=None, max_examples=40)

CASES = [
    # the whole repo
    ("/", "/", ()),
    ("/", "/a", None),
    ("//", "/", ()),
    # one name
    ("/*", "/a", ()),
    ("/*", "/a b+c.d", ()),
    ("/*", "/line\nbreak", ()),
    ("/*", "/ünïcødé-名", ()),
    ("/*", "/.hidden", ()),
    ("/*", "/a/b", None),
    ("/*", "/", ()),
    ("/*/", "/a", ()),
    ("/*/*", "/a/b", ()),
    ("/*/*", "/a", None),
    ("/pets/*.png", "/pets/a.png", ()),
    ("/pets/*.png", "/pets/a.pngx", None),
    ("/pets/*.png", "/pets/apng", None),
    # any number of names
    ("/**", "/a/b/c", ()),
    ("/**", "/a", ()),
    ("/**.png", "/a/b.png", ()),
    ("/a/**/z", "/a/b/c/z", ()),
    ("/a/**/z", "/b/c/z", None),
    # one character
    ("/?", "/a", ()),
    ("/?", "/名", ()),
    ("/?", "/ab", None),
    ("/a?b", "/a/b", None),
    # lists of characters
    ("/[ab]", "/a", ()),
    ("/[ab]", "/c", None),
    ("/[a-c]x", "/bx", ()),
    ("/[!a]", "/b", ()),
    ("/[!a]", "/a", None),
    ("/[^a]", "/b", ()),
    ("/[^a]", "/a", None),
    ("/[.+]", "/.", ()),
    ("/[.+]", "/x", None),
    (r"/[\]]", "/]", ()),
    (r"/[\d]", "/d", ()),
    (r"/[\d]", "/5", None),
    ("/[&&~~||]", "/&", ()),
    ("/[a^]", "/^", ()),
    # alternatives
    ("/{a,b}", "/a", ()),
    ("/{a,b}", "/b", ()),
    ("/{a,b}", "/a,b", None),
    ("/{a,b/c}", "/b/c", ()),
    ("/{,x}a", "/a", ()),
    ("/{a,{b,c}}", "/c", ()),
    ("/{*.png,*.jpg}", "/a.jpg", ()),
    # every round bracket captures
    ("/pets/*/(*)", "/pets/0001-x/cat_1", ("cat_1",)),
    ("/(*)-(*)", "/a-b", ("a", "b")),
    ("/(a|b)", "/b", ("b",)),
    ("/@(a|b)", "/a", ("a",)),
    ("/@(a|b)", "/c", None),
    ("/@(a|b)/(*)", "/a/x", ("a", "x")),
    ("/a?(x|y)", "/a", ("",)),
    ("/a?(x|y)", "/ay", ("y",)),
    ("/a?(x|y)", "/axy", None),
    ("/a*(x|y)", "/a", ("",)),
    ("/a*(x|y)", "/axyx", ("xyx",)),
    ("/+(x|y)", "/xyx", ("xyx",)),
    ("/+(x|y)", "/", None),
    ("/*(*)", "/abc", ("abc",)),
    ("/(a(b|c))", "/ac", ("ac", "c")),
    ("/{(a)x,(b)y}", "/by", ("", "b")),
    ("/(a,b)", "/a,b", ("a,b",)),
    ("/**(b)", "/a/b", ("b",)),
    # what stands for itself
    ("/a+b", "/a+b", ()),
    ("/a+b", "/aab", None),
    ("/a.b", "/axb", None),
    ("/a@b!c$d^e", "/a@b!c$d^e", ()),
    ("/a|b,c", "/a|b,c", ()),
    ("/a}b)c]", "/a}b)c]", ()),
    (r"/\*", "/*", ()),
    (r"/\*", "/a", None),
    (r"/\?\[\{\(", "/?[{(", ()),
    (r"/\n", "/n", ()),
    ("/A", "/a", None),
]


@pytest.mark.parametrize(("pattern", "path", "groups"), CASES)
def test_a_glob_matches_as_in_pachyderm(pattern, path, groups):
    assert compile_glob(pattern).match(path) == groups


@pytest.mark.parametrize(
    "pattern",
    ["", "a", "*", "./a", "/{a", "/(a", "/@(a", "/{a)", "/(a}", "/{(a})", "/[a", "/[]", "/[!]",
     "/[z-a]", "/!(a)", "/[[:alpha:]]", "/a\\"],
)  # fmt: skip
def test_what_is_no_glob_is_refused(pattern):
    with pytest.raises(UsageError, match="Expected") as caught:
        compile_glob(pattern)
    assert "Received: " in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "depth"),
    [("/", 0), ("//", 0), ("/*", 1), ("/a/", 1), ("/a/*/(*)", 3), ("/**", None), ("/+(a/)b", None)],
)
def test_a_glob_knows_how_deep_to_look(pattern, depth):
    assert compile_glob(pattern).depth == depth


PATHS = st.lists(
    st.text(st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1),
    min_size=1,
    max_size=4,
).map(lambda names: "/" + "/".join(names))


@steady
@given(PATHS)
def test_an_escaped_path_matches_itself_and_nothing_else(path):
    glob = compile_glob(re.sub(r"[^/\w]", r"\\\g<0>", path))
    assert glob.match(path) == ()
    assert glob.match(path + "x") is None


@steady
@given(PATHS)
def test_stars_match_as_many_names_as_there_are(path):
    names = path.count("/")
    assert compile_glob("/*" * names).match(path) == ()
    assert compile_glob("/*" * (names + 1)).match(path) is None
    assert compile_glob("/**").match(path) == ()
    assert compile_glob("/(*)" * names).match(path) == tuple(path[1:].split("/"))


PLAIN = st.text(string.ascii_lowercase + string.digits + "_. +", max_size=6)


@steady
@given(st.lists(PLAIN, min_size=1, max_size=4), PLAIN)
def test_alternatives_match_one_of_them(names, other):
    for pattern in ("/{" + ",".join(names) + "}", "/@(" + "|".join(names) + ")"):
        assert (compile_glob(pattern).match(f"/{other}") is not None) == (other in names)
        assert compile_glob(pattern).match(f"/{names[-1]}") is not None


@steady
@given(st.text("/*?[]{}()!@+,|\\-^:ab.&~", max_size=12))
def test_any_text_is_a_glob_or_refused_by_name(text):
    try:
        compile_glob("/" + text)
    except UsageError:
        return
    compile_glob("/" + text).match("/a")
