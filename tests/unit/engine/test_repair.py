"""A store that was hurt: what doctor finds, what it mends, what it says of the rest."""

import contextlib
import json
import os
import shutil

import pytest

from ibid.engine import scratch
from ibid.engine.repair import look, repair
from ibid.store.doctor import DAMAGED, DANGLING, LEFTOVER, MISSING


@pytest.fixture
def store(done):
    with contextlib.closing(done.open()) as opened:
        yield opened


def entry(store, repo, path):
    return store.trees.find(store.head(repo).tree, path).digest


def damage(store, digest):
    path = store.objects.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"z" * path.stat().st_size)


def mend(words, store, fetch=None):
    return repair(words.project(), store, fetch, lambda _: None, lambda _: None)


def kinds(health):
    return sorted(finding.kind for finding in health.findings)


def test_a_store_that_is_whole_is_said_to_be(done):
    said = done.ibid("doctor")
    assert "nothing is wrong" in said.stderr
    assert said.stdout == ""
    assert done.json("doctor")["findings"] == []


@pytest.mark.parametrize("path", ["/one", "/"])
@pytest.mark.parametrize("how", [DAMAGED, MISSING])
def test_an_output_is_found_and_made_again(done, store, path, how):
    digest = entry(store, "count", path)
    if how == DAMAGED:
        damage(store, digest)
    else:
        store.objects.path(digest).unlink()
    health = look(done.project(), store)
    (finding,) = health.findings
    assert (finding.kind, finding.subject) == (how, digest)
    assert store.head("count").address in finding.hurts
    mended = mend(done, store)
    assert mended.after.findings == ()
    assert mended.cannot == ()
    assert done.read("count", "/one") == "a 1\nb 1\n"
    assert done.run()[1] == []
    quarantined = done.root / ".ibid" / "quarantine" / digest
    assert quarantined.exists() == (how == DAMAGED)


def test_an_object_that_cannot_be_read_is_damaged_and_the_rest_is_examined(done, store):
    digest = entry(store, "count", "/one")
    path = store.objects.path(digest)
    path.unlink()
    path.symlink_to(path)  # opening it fails, whoever asks
    health = look(done.project(), store)
    (finding,) = health.findings
    assert (finding.kind, finding.subject) == (DAMAGED, digest)


def test_an_output_whose_input_is_an_output_that_is_lost_too_comes_after_it(done, store):
    for repo, path in (("count", "/one"), ("total", "/total.json")):
        store.objects.path(entry(store, repo, path)).unlink()
    mended = mend(done, store)
    assert mended.cannot == ()
    made = [line for line in mended.done if line.startswith("made ")]
    assert [line.split("@")[0] for line in made] == ["made count", "made total"]
    assert mended.after.findings == ()


def test_an_input_cannot_be_made_and_comes_back_by_putting_it_again(done, store):
    digest = entry(store, "texts", "/one")
    damage(store, digest)
    said = done.ibid("doctor", "--repair", code=5).stderr
    assert f"{store.head('texts').address}:/one" in said
    assert "ibid put texts" in said
    done.ibid("put", "texts", done.texts, "--no-run")
    assert look(done.project(), store).findings == ()


def test_an_output_that_gives_other_bytes_now_is_not_taken_for_the_same(done, store):
    done.edit(
        "words/count/__main__.py", "lines = [", "lines = [str(id(object())) + ' 1', '\\n'] + ["
    )
    done.edit("words/count/__main__.py", "id(object())", "__import__('time').time_ns()")
    done.run()
    store.objects.path(entry(store, "count", "/one")).unlink()
    mended = mend(done, store)
    assert any("gives other bytes now" in line for line in mended.cannot)
    assert mended.after.wrong


def test_lost_code_comes_back_from_the_project_as_it_is(done, store):
    code = json.loads(store.head("count").provenance)["code"]
    spec = json.loads(store.head("shout").provenance)["spec_record"]
    for digest in (code, spec):
        store.objects.path(digest).unlink()
    health = look(done.project(), store)
    assert {finding.subject for finding in health.wrong} == {code, spec}
    assert mend(done, store).after.findings == ()


def test_what_is_lost_is_fetched_where_it_can_be(done, store, tmp_path):
    copy = shutil.copytree(done.root / ".ibid" / "objects", tmp_path / "copy")
    lost = [entry(store, "texts", path) for path in ("/", "/one")]
    for digest in lost:
        store.objects.path(digest).unlink()

    def fetch(digests):
        for digest in digests:
            store.objects.put_file(str(copy / digest[:2] / digest[2:]))
        return []

    mended = mend(done, store, fetch)
    assert mended.after.findings == ()
    assert [line for line in mended.done if line.startswith("fetched")] == [
        f"fetched {digest}" for digest in lost
    ]


def test_leftovers_are_named_and_cleared_and_are_no_loss(done, store):
    home = done.root / ".ibid"
    (home / "objects" / "incoming" / "half").write_bytes(b"x")
    (home / "scratch" / "count@dead").mkdir(parents=True)
    (home / "logs" / "count@dead").mkdir()
    assert "doctor --repair" in done.ibid("doctor").stderr
    assert kinds(look(done.project(), store)) == [LEFTOVER] * 3
    assert mend(done, store).after.findings == ()


def test_scratch_in_memory_of_a_home_that_is_gone_is_found(done, store, tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    for name, home in (("dead", tmp_path / "no home"), ("alive", tmp_path)):
        folder = tmp_path / f"ibid-{os.getuid()}-{name}"
        folder.mkdir()
        (folder / scratch.OWNER).symlink_to(home)
    (found,) = look(done.project(), store).findings
    assert found.subject.endswith("-dead")
    mend(done, store)
    assert [path.name[-5:] for path in tmp_path.glob("ibid-*")] == ["alive"]


def test_references_that_lead_nowhere_are_named(done, store):
    store.database.execute("DELETE FROM commits WHERE repo = 'texts'")
    health = look(done.project(), store)
    found = {finding.subject for finding in health.findings if finding.kind == DANGLING}
    assert {store.head("count").address, "texts@master"} <= found


def test_a_database_that_is_broken_is_said_so(done, store):
    store.close()
    path = done.root / ".ibid" / "ibid.db"
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    said = done.ibid("doctor", code=5)
    assert "database" in said.stdout
    assert "put a backup" in done.ibid("doctor", "--repair", code=5).stderr


def test_an_output_that_came_without_its_job_is_made_again_without_one(done, store):
    for table in ("jobs", "datums"):
        store.database.execute(f"DELETE FROM {table}")
    shutil.rmtree(done.root / ".ibid" / "logs")
    store.objects.path(entry(store, "count", "/one")).unlink()
    assert mend(done, store).after.findings == ()
    assert store.database.query("SELECT 1 FROM datums") == []


def test_the_record_of_a_job_stays_when_its_output_is_made_again(done, store):
    before = [tuple(row) for row in store.database.query("SELECT * FROM datums")]
    store.objects.path(entry(store, "count", "/one")).unlink()
    mend(done, store)
    assert [tuple(row) for row in store.database.query("SELECT * FROM datums")] == before


def test_a_lost_environment_comes_back_if_it_is_that_of_now(done, store):
    digest = json.loads(store.head("count").provenance)["environment_record"]
    store.objects.path(digest).unlink()
    mended = mend(done, store)
    assert mended.before.wrong
    assert mended.after.findings == ()


def test_what_is_wrong_still_is_named_one_by_one_without_a_hint_to_repair(done, store):
    head = store.head("count")
    record = json.loads(head.provenance)
    there, lost = record["environment_record"], "f" * 64
    store.database.execute(
        "UPDATE commits SET provenance = ? WHERE repo = 'count'",
        (head.provenance.replace(there, lost),),
    )
    store.database.execute("UPDATE branches SET head = 'x' WHERE repo = 'shout'")
    said = done.ibid("doctor", "--repair", code=5).stderr
    assert f"cannot be mended: {lost}, the record of {head.address}, is nowhere here" in said
    assert "cannot be mended: shout@master: a branch whose commit is not there" in said
    assert "hint: ibid doctor --repair" not in said
