"""A store of an older format opens; the fixture was made by the ibid of that time."""

import contextlib
import sqlite3
import tarfile

import pytest

from ibid.store import migrations
from ibid.store.database import Database
from ibid.store.migrations import FORMAT


def schema(connection):
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    return [tuple(row) for row in rows]


def _nothing(words):
    """The project as it is, with no store."""


@pytest.fixture
def old(prepared, request):
    """The project of words over a store of format 1."""
    words = prepared(_nothing)
    home = words.root / ".ibid"
    with tarfile.open(request.config.rootpath / "tests/data/store-format-1.tar") as archive:
        archive.extractall(home, filter="data")
    return words


def test_a_new_store_goes_through_the_steps_of_an_old_one(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as old:
        for version, step in enumerate(migrations.STEPS, start=1):
            step(old)
            old.execute(f"PRAGMA user_version = {version}")
        with contextlib.closing(Database(tmp_path / "new.db")) as new:
            assert new.query("PRAGMA user_version")[0][0] == FORMAT
            assert schema(new._connection) == schema(old)


def test_an_old_store_is_kept_migrated_and_said_once(old):
    said = old.ibid("commits", "texts")
    assert f"migrated from format 1 to {FORMAT}" in said.stderr
    assert "ibid.db.format-1" in said.stderr
    backup = old.root / ".ibid" / "ibid.db.format-1"
    with contextlib.closing(sqlite3.connect(backup)) as before:
        assert before.execute("PRAGMA user_version").fetchone() == (1,)
        assert before.execute("SELECT count(*) FROM commits").fetchone() == (8,)
    assert "migrated" not in old.ibid("commits", "texts").stderr


def test_an_old_store_goes_on_where_it_was(old):
    before = old.digests()
    found = old.json("doctor")["findings"]
    assert [finding for finding in found if finding["kind"] != "leftover"] == []
    assert old.read("total", "/total.json") == (
        '{\n  "be": 3,\n  "it": 1,\n  "let": 1,\n  "not": 2,\n  "or": 2,\n  "to": 2\n}\n'
    )
    # Whatever runs again does so because the code of stages has changed, and gives the same bytes.
    for step in old.plan().values():
        first = step.reasons[0] if step.reasons else ""
        assert step.state in ("follows", "current") or first.endswith(".py changed"), step
    old.run()
    assert old.digests() == before


def test_records_stay_byte_for_byte(old):
    query = "SELECT repo, id, provenance FROM commits ORDER BY repo, id"
    with contextlib.closing(sqlite3.connect(old.root / ".ibid" / "ibid.db")) as database:
        # As a repo of uploads has it.
        told = '{"kind": "input", "replaceable": true, "upload": "0001-mine", "version": 1}'
        database.execute("UPDATE commits SET provenance = ? WHERE repo = 'texts'", (told,))
        database.commit()
        before = database.execute(query).fetchall()
    with contextlib.closing(old.open()) as store:
        assert [tuple(row) for row in store.database.query(query)] == before


def test_a_step_that_fails_leaves_the_store_as_it_was(old, monkeypatch):
    def fail(connection):
        connection.execute("CREATE TABLE half (a)")
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, fail))
    with pytest.raises(RuntimeError):
        old.open()
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(old.root / ".ibid" / "ibid.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert all(name != "half" for _, name, _ in schema(database))
    assert len(old.digests()) == 4
