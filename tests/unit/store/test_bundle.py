"""A commit in a file: whole and checked before anything of it is shown."""

import contextlib
import io
import json
import tarfile

import pytest

from ibid.engine.record import cited, of_input
from ibid.engine.repair import look
from ibid.spec.preimage import digest_bytes, preimage
from ibid.stage.contract import BadInputError
from ibid.store import bundle
from ibid.store.commits import Commit
from ibid.store.folders import EMPTY, encode
from ibid.store.home import Home
from ibid.store.manifest import Manifest
from ibid.store.objects import CorruptObjectError
from ibid.store.reach import purged_digests


@pytest.fixture
def source(done):
    with contextlib.closing(done.open()) as store:
        yield store


@pytest.fixture
def file(done, source, tmp_path):
    path = tmp_path / "total.tar"
    bundle.write(source, source.resolve("total"), path, cited)
    return path


@pytest.fixture
def other(tmp_path):
    """An empty store elsewhere."""
    with contextlib.closing(Home(tmp_path / "elsewhere").open("words")) as store:
        yield store


def take_in(store, path, *, again=False):
    return bundle.read(store, path, cited, again=again)


def members(path):
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}


def rewrite(path, files):
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def refused(store, path, match):
    with pytest.raises(BadInputError, match=match) as caught:
        take_in(store, path)
    assert store.repos() == []
    return str(caught.value)


def test_bytes_that_are_damaged_here_are_not_written(source, tmp_path):
    path = source.objects.path(source.head("count").tree)
    path.chmod(0o644)
    path.write_bytes(b"z" * path.stat().st_size)
    with pytest.raises(CorruptObjectError, match="ibid doctor"):
        bundle.write(source, source.resolve("count"), tmp_path / "no.tar", cited)
    assert [*tmp_path.glob("no.tar*")] == []


def test_it_holds_all_that_is_behind_a_commit(source, other, file, done):
    _, adopted = take_in(other, file)
    assert {commit.repo for commit in adopted.commits} == {"texts", "count", "shout", "total"}
    for commit in adopted.commits:
        assert source.get(commit.repo, commit.id).tree == commit.tree
        for cause in cited(commit.provenance).causes:
            assert other.get(cause.repo, cause.commit)
    assert look(done.project(), other).wrong == ()


def test_the_same_commit_gives_the_same_bytes_from_any_store(other, file, tmp_path, done, source):
    done.put(one="more")
    done.run()
    again, there = tmp_path / "again.tar", tmp_path / "there.tar"
    bundle.write(source, source.resolve("total", "master^"), again, cited)
    take_in(other, file)
    bundle.write(other, other.resolve("total"), there, cited)
    assert file.read_bytes() == again.read_bytes() == there.read_bytes()


def test_taking_it_in_twice_changes_nothing(other, file):
    take_in(other, file)
    _, adopted = take_in(other, file)
    assert adopted.commits == ()
    assert len(other.history("total")) == 1


def test_what_was_taken_in_needs_no_run(done, file, tmp_path):
    elsewhere = {"IBID_HOME": str(tmp_path / "home")}
    said = done.ibid("import", file, **elsewhere)
    assert "total@" in said.stderr
    assert "Nothing to do" in done.ibid("run", **elsewhere).stderr
    assert done.ibid("export", "total", tmp_path / "new.tar", **elsewhere).returncode == 0
    assert "exists" in done.ibid("export", "total", file, code=2).stderr


def test_a_branch_that_went_another_way_stays(other, file):
    tree = other.trees.write_files({"mine": b"x"})
    mine = other.commit("texts", "0" * 32, tree, '{"kind": "input"}')
    _, adopted = take_in(other, file)
    assert adopted.apart == ("texts",)
    assert other.head("texts") == mine


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_is_cut_short_is_refused(other, file, share):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    refused(other, file, "Expected")


def test_a_file_that_is_no_bundle_is_refused(other, file):
    file.write_bytes(b"not a tar at all" * 100)
    refused(other, file, "Expected a bundle")
    rewrite(file, {"README": b"hello"})
    refused(other, file, "Expected a bundle")


def test_changed_bytes_are_refused(other, file):
    files = members(file)
    name = next(name for name in files if name.startswith("objects/"))
    rewrite(file, files | {name: files[name] + b" "})
    assert name in refused(other, file, "as it was written")


def test_a_changed_record_is_refused(other, file):
    files = members(file)
    name = next(name for name in files if name.startswith("commits/"))
    rewrite(file, files | {name: files[name].replace(b"total", b"other").replace(b"a", b"b")})
    refused(other, file, "Expected a commit as it was written")


def test_a_missing_object_is_refused(other, file):
    files = members(file)
    files.pop(next(name for name in files if name.startswith("objects/")))
    rewrite(file, files)
    refused(other, file, "Expected every object")


def test_a_missing_commit_is_refused(other, file):
    files = members(file)
    name = next(name for name in files if name.startswith("commits/"))
    files.pop(name)
    rewrite(file, files)
    refused(other, file, "whole")
    tag, head = json.loads(files[bundle.HEAD])
    head["commits"].remove(name.partition("/")[2])
    rewrite(file, files | {bundle.HEAD: json.dumps([tag, head]).encode()})
    refused(other, file, "Expected")


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "objects/../../outside", "extra"])
def test_tricks_with_paths_are_refused(other, file, name):
    rewrite(file, members(file) | {name: b"x"})
    assert name.lstrip("/") in refused(other, file, "nothing in a bundle but")


def test_a_link_is_refused(other, file):
    files = members(file)
    link = tarfile.TarInfo("objects/" + "0" * 64)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    rewrite(file, files | {link: b""})
    refused(other, file, "nothing in a bundle but")


def test_a_newer_format_is_refused_with_what_to_do(other, file):
    files = members(file)
    tag, head = json.loads(files[bundle.HEAD])
    newer = json.dumps([tag, head | {"format": 7}]).encode()
    rewrite(file, files | {bundle.HEAD: newer})
    assert "use the version of ibid" in refused(other, file, "format 1")


def test_another_projects_commits_are_refused(file, tmp_path):
    with contextlib.closing(Home(tmp_path / "pets").open("pets")) as pets:
        assert "words" in refused(pets, file, "pipeline pets")


def test_an_import_that_fails_leaves_what_was_purged_purged(done, source, file):
    done.ibid("rm", "texts:one", "--purge")
    before = purged_digests(source)
    files = members(file)
    files.pop(next(name for name in files if name.startswith("commits/")))
    rewrite(file, files)
    with pytest.raises(BadInputError):
        take_in(source, file, again=True)
    assert before
    assert purged_digests(source) == before


def test_a_record_that_differs_is_shown(source, file, done):
    source.database.execute("UPDATE commits SET provenance = replace(provenance, '{', '{ ')")
    with pytest.raises(BadInputError, match=r"here it is \{ "):
        take_in(source, file)


def test_an_upload_is_known_by_its_bytes_where_it_was_taken_in(tmp_path):
    with (
        contextlib.closing(Home(tmp_path / "here").open("pets")) as here,
        contextlib.closing(Home(tmp_path / "there").open("pets")) as there,
    ):
        added = here.trees.write_files({"a.jpg": b"x"})
        tree = here.trees.write_listing({"0001-mine": added})
        told = of_input(upload="0001-mine", sequence=1)
        made = here.commit("stream", "0" * 32, tree, told, added=added.digest)
        bundle.write(here, made, tmp_path / "stream.tar", cited)
        take_in(there, tmp_path / "stream.tar")
        assert there.that_added("stream", added.digest) == there.history("stream")
        assert len(there.history("stream")) == 1


def test_what_was_purged_neither_leaves_nor_comes_back(done, source, file, tmp_path):
    done.ibid("rm", "texts:one", "--purge")
    old = source.history("total")[-1]
    with pytest.raises(BadInputError, match="purged"):
        bundle.write(source, source.get("total", old.id), tmp_path / "no.tar", cited)
    assert not (tmp_path / "no.tar").exists()
    assert "purged" in done.ibid("import", file, code=3).stderr
    done.ibid("import", file, "--again")
    assert done.ibid("cat", "texts@master^:/one").stdout == "a b"


def forged(path, **facts):
    """Write a bundle of one commit, made by hand."""
    files, record = {}, {"kind": "input"} | facts.pop("record", {})
    for data in facts.pop("objects", []):
        files[f"objects/{digest_bytes(data)}"] = data
    commit = Commit("texts", "1" * 32, None, size=1, created=1.0,
                    provenance=json.dumps(record), **facts)  # fmt: skip
    manifest = Manifest("words", commit)
    head = {"format": bundle.FORMAT, "of": f"texts@{commit.id}", "commits": [manifest.digest]}
    rewrite(path, {bundle.HEAD: preimage("bundle", head)}
            | {f"commits/{manifest.digest}": manifest.encode()} | files)  # fmt: skip


@pytest.mark.parametrize("name", ["../../pwned", "..", ".", "", "a/b", "a\0b", "\ud800"])
def test_a_tree_with_a_name_that_leads_out_is_refused(other, tmp_path, name):
    row = ["file", name, digest_bytes(b"x"), 1]
    tree = json.dumps(["ibid/tree/1", [row]]).encode()
    path = tmp_path / "forged.tar"
    forged(path, tree=digest_bytes(tree), objects=[tree, b"x"])
    refused(other, path, "Expected the names of a folder")


@pytest.mark.parametrize(
    "row",
    [
        ["file", "a", "../../../etc", 1],
        ["link", "a", "0" * 64, 1],
        ["file", "a", "0" * 64, -1],
        ["file", "a", "0" * 64, True],
        ["file", "a", "0" * 64],
        "file",
    ],
)
def test_a_tree_with_a_row_that_no_folder_has_is_refused(other, tmp_path, row):
    tree = json.dumps(["ibid/tree/1", [row]]).encode()
    path = tmp_path / "forged.tar"
    forged(path, tree=digest_bytes(tree), objects=[tree])
    refused(other, path, "Expected the names of a folder")


def test_a_record_that_cites_a_path_is_refused(other, tmp_path):
    (tmp_path / "outside").write_text("of somebody else")
    record = {
        "kind": "output",
        "spec_record": f"..//{'../' * 20}{tmp_path}/outside",
        "environment_record": EMPTY,
        "code": EMPTY,
        "inputs": [],
    }
    path = tmp_path / "forged.tar"
    forged(path, tree=EMPTY, record=record, objects=[encode(())])
    refused(other, path, "cites digests")
    with pytest.raises(BadInputError, match="Expected a digest"):
        other.objects.path(record["spec_record"])


def test_a_record_that_lacks_its_inputs_is_refused(other, tmp_path):
    path = tmp_path / "forged.tar"
    forged(path, tree=EMPTY, record={"kind": "output"}, objects=[encode(())])
    refused(other, path, "Expected the record of a commit")
