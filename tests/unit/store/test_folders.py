"""Folders: one shape for one content, however it came about, and small steps between two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibid.spec.preimage import digest_bytes
from ibid.store.folders import EMPTY, FILE, FOLDER, LEAF, Entry, Folders, encode
from ibid.store.objects import Objects

DATA = digest_bytes(b"data")
steady = settings(deadline=None, max_examples=25)
NAMES = st.sets(st.integers(0, 4 * LEAF).map("name {}".format), max_size=3 * LEAF)


class Counting(Objects):
    """Objects that count what they are given."""

    put, bytes = 0, 0

    def put_bytes(self, data):
        self.put, self.bytes = self.put + 1, self.bytes + len(data)
        return super().put_bytes(data)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return Counting(tmp_path_factory.mktemp("objects"))


def files(names, size=4):
    return [Entry(name, FILE, DATA, size) for name in names]


@steady
@given(before=NAMES, after=NAMES)
def test_an_updated_folder_is_the_folder_written_anew(objects, before, after):
    folders = Folders(objects)
    changes = dict.fromkeys(before - after) | {e.name: e for e in files(after - before)}
    updated = folders.update(folders.write(files(before)).digest, changes)
    assert updated == folders.write(files(after))
    assert updated.size == 4 * len(after)


@steady
@given(names=NAMES, data=st.data())
def test_a_folder_gives_back_its_entries_sorted_and_each_by_its_name(objects, names, data):
    folders = Folders(objects)
    digest = folders.write(files(data.draw(st.permutations(sorted(names))))).digest
    assert folders.read(digest) == files(sorted(names))
    for name in data.draw(st.lists(st.integers(0, 4 * LEAF).map("name {}".format), max_size=5)):
        assert folders.find(digest, name) == (files([name])[0] if name in names else None)


@pytest.mark.parametrize("count", [LEAF, LEAF + 1])
def test_a_folder_is_one_list_up_to_a_number_of_names(objects, count):
    folders, entries = Folders(objects), files(map(str, range(count)))
    digest = folders.write(entries).digest
    assert (digest == digest_bytes(encode(entries))) == (count == LEAF)
    listed, parts = folders.below(digest)
    assert (listed != []) == (parts == []) == (count == LEAF)
    assert {file for part in parts for file in folders.below(part)[0]} <= {DATA}


def test_empty_folders_do_not_count(objects):
    folders, kept = Folders(objects), files(map(str, range(LEAF)))
    empty = [Entry(f"empty {n}", FOLDER, EMPTY, 0) for n in range(LEAF)]
    assert folders.write([*kept, *empty]) == folders.write(kept)
    digest = folders.write(files(map(str, range(LEAF + 1)))).digest
    assert folders.update(digest, {str(LEAF): Entry(str(LEAF), FOLDER, EMPTY, 0)}) == (
        folders.write(kept)
    )


def test_one_more_name_in_a_large_folder_costs_a_few_small_objects(objects):
    folders = Folders(objects)
    large = folders.write(files(map(str, range(20_000))))
    objects.put = objects.bytes = 0
    folders.update(large.digest, {"more": files(["more"])[0]})
    assert objects.put <= 5
    assert objects.bytes < LEAF * 200


def test_a_folder_is_made_a_list_at_a_time(objects):
    asked = []

    def make(names):
        asked.append(len(names))
        return files(names)

    Folders(objects).build([*map(str, range(5_000))], make)
    assert sum(asked) == 5_000
    assert max(asked) <= LEAF
