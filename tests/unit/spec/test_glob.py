"""Globs, by the rules of Pachyderm's library ohmyglob.

Where a block names no other source, its facts are those that ohmyglob's own tests and compiler
state (github.com/pachyderm/ohmyglob), or Pachyderm's reference of glob patterns.
"""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibid.spec.automaton import Automaton
from ibid.spec.glob import compile_glob, replace
from ibid.spec.globtree import regex
from ibid.stage.contract import UsageError

steady = settings(deadline=None, max_examples=40)

ANY = object()  # it matches; what was captured is not said
CASES = [
    # the whole repo: pachyderm/src/server/pfs/server, globMatchFunction and CleanPath
    ("/", "/", ()),
    (".", "/", ()),
    ("/**", "/", None),
    ("/?(a)", "/", None),
    ("*", "/a", ()),
    ("a/*", "/a/b", ()),
    ("./a", "/a", ()),
    ("/a//b/", "/a/b", ()),
    ("/a/../b", "/b", ()),
    ("/", "/a", None),
    ("//", "/", ()),
    # one name
    ("/*", "/a", ()),
    ("/*", "/a b+c.d", ()),
    ("/*", "/line\nbreak", ()),
    ("/*", "/ünïcødé-名", ()),
    ("/*", "/.hidden", ()),
    ("/*", "/a/b", None),
    ("/*", "/", None),
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
    ("/x[!a]y", "/x/y", ()),
    ("/[a*(]*z", "/abcz", ()),
    ("/a[b*(foo|bar)]d", "/abd", ()),
    ("/a[b*(foo|bar)]d", "/acd", None),
    # classes
    ("/[[:alpha:]]", "/C", ()),
    ("/[[:alpha:]]", "/5", None),
    ("/[[:^alpha:]]", "/.", ()),
    ("/[^[:alpha:]]", "/.", ()),
    ("/[![:digit:]]", "/5", None),
    ("/+([[:digit:]])", "/123", ("123",)),
    ("/[[:space:]]", "/\t", ()),
    ("/[[:punct:]]", "/]", ()),
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
    ("/test/a*(a|b)/*(*).go", "/test/aaaa/x.go", ("aaa", "x")),
    ("/test*(/?(+(a|b)/*.go))", "/test/a/x.go", ("/a/x.go", "a/x.go", "a")),
    ("/@(foo|f|fo)*(f|of+(o))", "/foofoofo", ANY),
    ("/*(*(of*(o)x)o)", "/ofoooxoofxoofoooxoofxo", ANY),
    ("/*(*(of*(o)x)o)", "/ofoooxoofxoofoooxoofxofo", None),
    ("/*(oxf+(ox))", "/oxfoxfox", None),
    ("/*(f*(o)x)", "/foooxfooxfxfooox", ANY),
    ("/ab**(e|f)g", "/abcfefg", ("f",)),
    ("/ab***ef", "/abcfef", ()),
    # what is excluded, as far as the rest lets it reach: `*` and text take what they can
    ("!(**)", "/a", None),
    ("/!(foo)", "/foo", None),
    ("/!(foo)", "/foobar", ("foobar",)),
    ("/!(foo)", "/foo/bar", None),
    ("/!(foo)*", "/foobar", None),
    ("/!(foo)b*", "/foobb", None),
    ("/!(!(foo))", "/foo", ("foo", "")),
    ("/!(!(!(foo)))", "/foo", None),
    ("/!(*.js|*.json)", "/a.js", None),
    ("/!(*.js|*.json)", "/a.js.gz", ("a.js.gz",)),
    ("/*(!(f))", "/fff", ANY),
    ("/+(!(f))", "/f", None),
    ("/@(!(z*)|*x)", "/zoox", ANY),
    ("/@(!(z*)|*x)", "/zoot", None),
    ("/*.!(js|css)", "/bar.min.js", ("min.js",)),
    ("/*.!(a|b|c)*", "/a.abcd", None),
    ("/*.!(js)*.!(xy)", "/asd.js.xyz", None),
    ("/*-!(integration-)test.js", "/a-integration-test.js", ANY),
    ("/*-!(integration)-test.js", "/a-integration-test.js", None),
    ("/mu!(*(c))?.pa!(*(z))?", "/mucca.pazza", None),
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
    found = compile_glob(pattern).match(path)
    assert found is not None if groups is ANY else found == groups


@pytest.mark.parametrize(("pattern", "path", "groups"), CASES)
def test_either_matcher_says_the_same(pattern, path, groups):
    """Python's and the one that is used where Python's might take for ever."""
    tree = compile_glob(pattern).tree
    if path != "/":
        found = Automaton(tree).match(path)
        assert found is not None if groups is ANY else found == groups
        assert bool(re.compile(regex(tree), re.S).fullmatch(path)) == (groups is not None)


@pytest.mark.parametrize(
    "pattern",
    ["", "/{a", "/(a", "/@(a", "/!(a", "/{a)", "/(a}", "/{(a})", "/[a", "/[]", "/[!]", "/[z-a]",
     "/[a-cx]", "/[a-c-e]", "/[[:letter:]]", "/[a[:digit:]]", "/a\\"],
)  # fmt: skip
def test_what_is_no_glob_is_refused(pattern):
    with pytest.raises(UsageError, match="Expected") as caught:
        compile_glob(pattern)
    assert "Received: " in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "depth"),
    [
        ("/", 0),
        ("//", 0),
        ("/*", 1),
        ("/a/", 1),
        ("/a/*/(*)", 3),
        ("/**", None),
        ("/+(a/)b", None),
        ("/+(a)", 1),
        ("/{a,b/c}", 2),
        ("/x[!a]y", 2),
        ("/!(a/b)", 1),
        ("/!(**)", 1),
    ],
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


PLAIN = st.text(string.ascii_lowercase + string.digits + "_. +", min_size=1, max_size=6)


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


PIECES = st.sampled_from(["a", "b", "/", "*", "?", "**", "[ab]", "[!a]"])
PATTERNS = st.recursive(
    st.lists(PIECES, min_size=1, max_size=3).map("".join),
    lambda inner: st.builds(
        lambda kind, options, rest: f"{kind}({'|'.join(options)}){rest}",
        st.sampled_from(["", "@", "?", "*", "+", "!"]),
        st.lists(inner, min_size=1, max_size=2),
        inner,
    ),
    max_leaves=5,
).map(lambda pattern: f"/{pattern}")


@settings(deadline=None, max_examples=150)
@given(PATTERNS, st.text("ab/", max_size=6).map(lambda text: f"/x{text}"))
def test_both_matchers_agree_on_every_glob(pattern, path):
    for each in (path, path.replace("x", "", 1)):
        tree = compile_glob(pattern).tree
        found = re.compile(regex(tree), re.S).fullmatch(each)
        assert (Automaton(tree).match(each) is None) == (found is None)


@pytest.mark.parametrize(
    "pattern",
    ["/*(*(a)*(a)b)", "/+(+(a)+(a)b)", "/*(a|aa|aaa)c", "/*a*a*a*a*a*a*a*b", "/**/**/**/**/**x",
     "/!(*(*(a))b)*a*a*ac"],
)  # fmt: skip
def test_the_work_of_a_match_is_bounded_whatever_the_glob(pattern):
    glob = compile_glob(pattern)
    path = "/" + "a" * 250
    assert glob.automaton is not None
    assert glob.match(path) is None
    assert glob.automaton.tried <= len(glob.automaton.steps) * (len(path) + 1)


def test_a_plain_glob_is_given_to_the_faster_matcher():
    for pattern in ("/", "/*", "/pets/*/(*)", "/{a,b}/*-*.png", "/**", "/!(a)"):
        assert compile_glob(pattern).automaton is None


@pytest.mark.parametrize(
    ("template", "filled"),
    [("$1", "a"), ("$2$1", "ba"), ("${1}0", "a0"), ("$10", "$10"), ("$0", "$0"), ("x", "x")],
)
def test_what_was_captured_fills_a_template(template, filled):
    assert replace(template, ("a", "b")) == filled
