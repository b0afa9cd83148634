"""Trees: what is part of a digest, what is not, and what cannot be stored at all."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ibid.stage.contract import BadInputError
from ibid.store.objects import MissingObjectError, Objects
from ibid.store.trees import EMPTY, FILE, FOLDER, Entry, PathClashError, Trees

steady = settings(deadline=None, max_examples=40)

# Names that a file system takes: no slash, no NUL, not "." or "..", 255 bytes at most.
NAMES = st.text(
    st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
FILES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "ü", "Z", "a.b", "a b", "名"]), min_size=1, max_size=3).map(
        "/".join
    ),
    st.binary(max_size=8),
    max_size=8,
)


def consistent(files):
    """Tell whether no path is both a file and a folder."""
    return not any(f"{path}/" in f"{other}/" and path != other for path in files
                   for other in files if other.startswith(f"{path}/"))  # fmt: skip


def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    return folder, Trees(Objects(folder / "objects"))


def lay_out(folder, files):
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def contents(trees, digest):
    return {
        path[1:]: trees.objects.read(entry.digest)
        for path, entry in trees.walk(digest)
        if entry.kind == FILE
    }


def on_disk(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@steady
@given(files=FILES.filter(consistent), data=st.data())
def test_a_digest_is_of_paths_and_bytes_and_nothing_else(tmp_path_factory, files, data):
    """Not of the order of creation, a time, a mode, an empty folder or where it lies."""
    folder, trees = fresh(tmp_path_factory)
    first = trees.add(lay_out(folder / "first", files))
    order = data.draw(st.permutations(list(files.items())))
    second = lay_out(folder / "elsewhere" / "second", dict(order))
    (second / "empty" / "deeper").mkdir(parents=True)
    for path in second.rglob("*"):
        path.chmod(data.draw(st.sampled_from([0o700, 0o755, 0o777])))
        os.utime(path, (data.draw(st.integers(0, 2**31)), 0))
    again = trees.add(second)
    assert (again.digest, again.size) == (first.digest, first.size)
    assert first.digest == trees.write_files(files).digest
    assert first.size == sum(map(len, files.values()))
    assert contents(trees, first.digest) == files


@steady
@given(files=FILES.filter(consistent), other=FILES.filter(consistent))
def test_other_paths_or_bytes_have_another_digest(tmp_path_factory, files, other):
    assume(files != other)
    _, trees = fresh(tmp_path_factory)
    assert trees.write_files(files).digest != trees.write_files(other).digest


@steady
@given(names=st.sets(NAMES, max_size=6))
def test_any_name_that_a_file_system_takes_comes_back(tmp_path_factory, names):
    folder, trees = fresh(tmp_path_factory)
    source = folder / "source"
    source.mkdir()
    for name in names:
        (source / name).write_bytes(name.encode())
    entry = trees.add(source)
    listed = [inner.name for inner in trees.read(entry.digest)]
    assert listed == sorted(names, key=str.encode)
    trees.checkout(entry, folder / "copy")
    assert on_disk(folder / "copy") == {name: name.encode() for name in names}


def test_known_files_have_a_known_digest(trees):
    """A change of this changes every digest that was ever cited."""
    files = {"b/ü.txt": b"1", "a": b""}
    assert trees.write_files(files).digest == (
        "7f72e852652c0a01c5950c94ded96a7e5950572b21525601f935556d6877009a"
    )


def test_names_are_sorted_by_their_utf_8(trees, tmp_path):
    names = ["\U0001f600", "\uff5e", "a", "B", "ä", "a.b", "a-b"]
    for name in names:
        (tmp_path / "source").mkdir(exist_ok=True)
        (tmp_path / "source" / name).touch()
    listed = [entry.name for entry in trees.read(trees.add(tmp_path / "source").digest)]
    assert (
        listed == sorted(names, key=str.encode) != sorted(names, key=lambda n: n.encode("utf-16"))
    )


def test_the_same_letter_in_two_forms_is_two_names(trees):
    tree = trees.write_files({"\u00e9": b"1", "e\u0301": b"2"})
    assert len(trees.read(tree.digest)) == 2


def test_empty_folders_are_dropped_all_the_way_up(trees, tmp_path):
    (tmp_path / "source" / "a" / "b" / "c").mkdir(parents=True)
    assert trees.add(tmp_path / "source").digest == EMPTY
    (tmp_path / "source" / "d").write_bytes(b"1")
    assert [entry.name for entry in trees.read(trees.add(tmp_path / "source").digest)] == ["d"]


def test_an_empty_file_is_kept(trees):
    assert contents(trees, trees.write_files({"a": b""}).digest) == {"a": b""}


def test_one_file_can_be_stored(trees, tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    entry = trees.add(tmp_path / "a")
    assert (entry.name, entry.kind, entry.size) == ("a", FILE, 3)
    assert trees.objects.read(entry.digest) == b"abc"


def source(tmp_path, **links):
    folder = lay_out(tmp_path / "in" / "source", {"a": b"1", "folder/b": b"2"})
    (tmp_path / "in" / "beside").write_bytes(b"3")
    for name, target in links.items():
        (folder / name).symlink_to(target)
    return folder


def test_a_link_is_what_it_leads_to(trees, tmp_path):
    entry = trees.add(source(tmp_path, file="a", deep="folder/b", whole="folder"))
    assert contents(trees, entry.digest) == {
        "a": b"1",
        "file": b"1",
        "deep": b"2",
        "folder/b": b"2",
        "whole/b": b"2",
    }


def test_a_link_by_a_whole_path_is_followed(trees, tmp_path):
    folder = source(tmp_path)
    (folder / "file").symlink_to(folder / "a")
    assert contents(trees, trees.add(folder).digest)["file"] == b"1"


@pytest.mark.parametrize("target", ["../beside", "..", "/etc/hostname", "folder/../../beside"])
def test_a_link_that_leads_out_is_refused(trees, tmp_path, target):
    with pytest.raises(BadInputError) as caught:
        trees.add(source(tmp_path, link=target))
    assert "source/link -> " in str(caught.value)


def test_a_link_may_lead_as_far_as_is_said(trees, tmp_path):
    folder = source(tmp_path, link="../beside")
    assert contents(trees, trees.add(folder, within=tmp_path / "in").digest)["link"] == b"3"


def test_a_link_out_of_a_linked_folder_is_refused(trees, tmp_path):
    folder = source(tmp_path, whole="folder")
    (folder / "folder" / "out").symlink_to("../../beside")
    with pytest.raises(BadInputError, match="links to stay in"):
        trees.add(folder)


def test_a_link_to_nothing_is_refused(trees, tmp_path):
    with pytest.raises(BadInputError, match="lead somewhere"):
        trees.add(source(tmp_path, link="nothing"))


def test_a_link_to_itself_is_refused(trees, tmp_path):
    with pytest.raises(BadInputError, match="lead somewhere") as caught:
        trees.add(source(tmp_path, link="link"))
    assert "source/link" in str(caught.value)


def test_two_links_to_each_other_are_refused(trees, tmp_path):
    with pytest.raises(BadInputError, match="lead somewhere"):
        trees.add(source(tmp_path, link="other", other="link"))


@pytest.mark.parametrize("target", [".", "../source"])
def test_a_folder_that_holds_itself_is_refused(trees, tmp_path, target):
    with pytest.raises(BadInputError, match="no folder to hold itself"):
        trees.add(source(tmp_path, link=target))


def test_folders_that_hold_each_other_are_refused_at_once(trees, tmp_path):
    """With two links each way, following them to the end would take 2^40 steps."""
    folder = source(tmp_path)
    for one, other in (("folder", "second"), ("second", "folder")):
        (folder / one).mkdir(exist_ok=True)
        for name in ("x", "y"):
            (folder / one / name).symlink_to(Path("..") / other)
    with pytest.raises(BadInputError, match="no folder to hold itself"):
        trees.add(folder)


def test_a_folder_linked_twice_does_not_hold_itself(trees, tmp_path):
    folder = source(tmp_path, one="folder", two="folder")
    (folder / "other").mkdir()
    (folder / "other" / "three").symlink_to("../folder")
    assert contents(trees, trees.add(folder).digest)["other/three/b"] == b"2"


def test_a_name_that_is_not_utf_8_is_refused_and_shown(trees, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / os.fsdecode(b"a\xff")).touch()
    with pytest.raises(BadInputError, match="UTF-8") as caught:
        trees.add(tmp_path / "source")
    assert "a\\udcff" in str(caught.value)


def test_a_link_to_a_name_that_is_not_utf_8_is_refused_in_words_that_can_be_kept(trees, tmp_path):
    with pytest.raises(BadInputError) as caught:
        trees.add(source(tmp_path, link=os.fsdecode(b"a\xff")))
    assert b"a\\udcff" in str(caught.value).encode()


def test_what_is_neither_file_nor_folder_is_refused(trees, tmp_path):
    folder = source(tmp_path)
    os.mkfifo(folder / "pipe")
    with pytest.raises(BadInputError, match="files and folders"):
        trees.add(folder)
    (folder / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
        with pytest.raises(BadInputError, match="files and folders"):
            trees.add(folder)


def test_what_is_not_there_is_refused(trees, tmp_path):
    with pytest.raises(BadInputError):
        trees.add(tmp_path / "nowhere")


@steady
@given(files=FILES.filter(consistent))
def test_a_checkout_holds_the_same_files(tmp_path_factory, files):
    folder, trees = fresh(tmp_path_factory)
    entry = trees.write_files(files)
    trees.checkout(entry, folder / "out")
    assert on_disk(folder / "out") == files
    assert trees.add(folder / "out").digest == entry.digest


def test_a_change_of_a_checkout_does_not_reach_the_store(trees, tmp_path):
    entry = trees.write_files({"a": b"1", "b/c": b"2"})
    trees.checkout(entry, tmp_path / "out")
    for path in (tmp_path / "out" / "a", tmp_path / "out" / "b" / "c"):
        path.write_bytes(b"changed")
    (tmp_path / "out" / "b" / "more").touch()
    assert contents(trees, entry.digest) == {"a": b"1", "b/c": b"2"}


def test_one_file_can_be_checked_out_into_folders_that_are_not_there(trees, tmp_path):
    entry = trees.find(trees.write_files({"b/c": b"2"}).digest, "/b/c")
    trees.checkout(entry, tmp_path / "x" / "y" / "c")
    assert (tmp_path / "x" / "y" / "c").read_bytes() == b"2"


def test_a_checkout_of_what_is_missing_names_the_object(trees, tmp_path):
    entry = trees.write_files({"a": b"1"})
    digest = trees.find(entry.digest, "/a").digest
    trees.objects.path(digest).unlink()
    with pytest.raises(MissingObjectError, match="that it cites") as caught:
        trees.checkout(entry, tmp_path / "out")
    assert digest in str(caught.value)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", FOLDER),
        ("", FOLDER),
        ("/b", FOLDER),
        ("/b/", FOLDER),
        ("b/c", FILE),
        ("/b/c", FILE),
        ("/b/d", None),
        ("/a/x", None),
        ("/a", FILE),
    ],
)
def test_a_path_is_looked_up(trees, path, found):
    root = trees.write_files({"a": b"1", "b/c": b"2"}).digest
    entry = trees.find(root, path)
    assert (entry and entry.kind) == found


def test_walking_goes_as_deep_as_is_asked_folders_first(trees):
    root = trees.write_files({"a": b"", "b/c/d": b"", "b/e": b""}).digest
    assert [path for path, _ in trees.walk(root)] == ["/a", "/b", "/b/c", "/b/c/d", "/b/e"]
    assert [path for path, _ in trees.walk(root, depth=1)] == ["/a", "/b"]
    assert [path for path, _ in trees.walk(root, depth=2)] == ["/a", "/b", "/b/c", "/b/e"]


@steady
@given(files=FILES.filter(consistent), data=st.data())
def test_a_merge_is_the_union_in_any_order(tmp_path_factory, files, data):
    _, trees = fresh(tmp_path_factory)
    parts = [{}, {}, {}]
    for path, content in files.items():
        parts[data.draw(st.integers(0, 2))][path] = content
    roots = [trees.write_files(part).digest for part in parts]
    merged = trees.merge(roots)
    assert merged.digest == trees.write_files(files).digest
    assert merged.size == sum(map(len, files.values()))
    assert trees.merge(data.draw(st.permutations(roots))).digest == merged.digest
    assert trees.merge([trees.merge(roots[:2]).digest, roots[2]]).digest == merged.digest


def test_a_merge_of_nothing_is_empty(trees):
    assert trees.merge([]).digest == EMPTY
    one = trees.write_files({"a": b"1"}).digest
    assert trees.merge([one]).digest == one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x/a": b"1"}, {"x/a": b"2"}),
        ({"x/a": b"1"}, {"x/a": b"1"}),
        ({"x/a": b"1"}, {"x/a/b": b"1"}),
    ],
)
def test_two_trees_with_one_path_are_refused_by_its_name(trees, one, other):
    roots = [trees.write_files(files).digest for files in (one, other)]
    for order in (roots, roots[::-1]):
        with pytest.raises(PathClashError) as caught:
            trees.merge(order)
        assert "Received: /x/a" in str(caught.value)


def test_entries_that_are_stored_already_can_be_put_under_other_names(trees):
    inner = trees.write_files({"a": b"1"})
    file = trees.find(inner.digest, "/a")
    listing = {"b": {"c": file, "d": inner}, "e": Entry("old", FOLDER, inner.digest, inner.size)}
    made = trees.write_listing(listing)
    assert contents(trees, made.digest) == {"b/c": b"1", "b/d/a": b"1", "e/a": b"1"}
    assert made.size == 3


@steady
@given(old=FILES.filter(consistent), new=FILES.filter(consistent))
def test_two_trees_differ_in_the_files_that_only_one_holds_or_that_are_others(
    tmp_path_factory, old, new
):
    _, trees = fresh(tmp_path_factory)
    roots = [trees.write_files(files).digest for files in (old, new)]
    found = {
        path[1:]: tuple(entry and trees.objects.read(entry.digest) for entry in entries)
        for path, *entries in trees.compare(*roots)
    }
    paths = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    assert found == {path: (old.get(path), new.get(path)) for path in paths}


def test_what_two_trees_share_is_not_read(tmp_path_factory):
    _, trees = fresh(tmp_path_factory)
    files = {f"{pet}/photo": b"%d" % pet for pet in range(600)}
    old, new = (trees.write_files(files | {"more": text}) for text in (b"1", b"2"))
    for pet in range(600):
        trees.objects.path(trees.find(old.digest, f"/{pet}").digest).unlink(missing_ok=True)
    assert [path for path, _, _ in trees.compare(old.digest, new.digest)] == ["/more"]
