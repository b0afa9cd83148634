"""Whatever is thrown in: every photo of an upload ends as a pet or in quarantine, once."""

import gzip
import io
import tarfile
from pathlib import Path

import data_drawn as drawn
import data_hostile as hostile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from components.ingest.member import printable
from components.ingest.stage import run
from tests.fuzz import upload as fuzzed

UPLOAD = "0001-any"
KNOWN = [
    *("Tabby_1.jpg", "Tabby_1.png", "Tabby_2.JPG", "rover_7.jpeg", "notes.txt", "a b.jpg"),
    *("../up_1.jpg", "/tmp/abs_1.jpg", "in/side_1.jpg", "-rf.jpg", "x" * 300 + ".jpg", "."),
    *("Caf\u00e9_1.jpg", "Cafe\u0301_1.jpg", "line\nbreak_1.jpg", "._Tabby_1.jpg"),
]
TEXT = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = some.sampled_from(KNOWN) | TEXT.map(lambda name: name.rstrip("/"))
PHOTOS = [
    data
    for change in hostile.CHANGES.values()
    for name, data in change.items()
    if data is not None and name.endswith((".jpg", ".png")) and len(data) < 20_000
]
WHOLE = [data for name, data in drawn.files().items() if name.startswith("images/")]
DATA = some.sampled_from([*PHOTOS, *drawn.files().values()]) | some.binary(max_size=40)
KINDS = some.sampled_from(
    [tarfile.REGTYPE] * 6 + [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]
)
GOOD = some.tuples(
    some.sampled_from(KNOWN[:4]), some.sampled_from(WHOLE), some.just(tarfile.REGTYPE)
)
MEMBERS = some.lists(GOOD | some.tuples(NAMES, DATA, KINDS), max_size=8)
FORMS = some.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
FOLDERS = some.sampled_from(["trimaps/", "xmls/", ""])
NOTES = some.lists(some.tuples(FOLDERS, NAMES, DATA), max_size=6)


def packed(members, form):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data, kind in members:
            content = data if kind == tarfile.REGTYPE else b""
            hostile.member(archive, name, content, type=kind, linkname="Tabby_1.jpg")
    return buffer.getvalue()


def taken_in(folder, images, annotations):
    """Take in an upload of two tarballs; returns the photos that are accounted for."""
    upload = folder / "stream" / UPLOAD
    upload.mkdir(parents=True)
    (upload / "images.tar.gz").write_bytes(images)
    (upload / "annotations.tar.gz").write_bytes(annotations)
    code = run({"stream": folder / "stream"}, folder / "out", drawn.INGEST)
    assert {path.name for path in folder.iterdir()} == {"stream", "out"}
    return fuzzed.check_output(folder, UPLOAD, code)


@settings(max_examples=60, deadline=None)
@given(members=MEMBERS, notes=NOTES, form=FORMS)
def test_every_photo_is_a_pet_or_in_quarantine_once(tmp_path_factory, members, notes, form):
    pets = ("Tabby_1", "Tabby_2", "rover_7")
    masks = [(f"annotations/trimaps/{pet}.png", drawn.png()) for pet in pets]
    notes = masks + [(f"annotations/{folder}{name}", data) for folder, name, data in notes]
    annotations = packed([(name, data, tarfile.REGTYPE) for name, data in notes], form)
    photos = [(f"images/{name}", data, kind) for name, data, kind in members]
    images = gzip.compress(packed(photos, form), 1)
    folder = tmp_path_factory.mktemp("any")
    found = taken_in(folder, images, gzip.compress(annotations, 1))
    assert found == sorted(printable(name) for name, _, _ in members)


@settings(max_examples=60, deadline=None)
@given(members=MEMBERS, form=FORMS, place=some.floats(0, 1), spoilt=some.binary(max_size=600))
def test_a_spoilt_tarball_is_refused_or_accounts_for_its_photos(
    tmp_path_factory, members, form, place, spoilt
):
    members = [("Tabby_1.jpg", WHOLE[0], tarfile.REGTYPE), *members]
    tar = packed([(f"images/{name}", data, kind) for name, data, kind in members], form)
    at = int(place * len(tar))
    tar = tar[:at] + spoilt + tar[at + len(spoilt) :]
    annotations = drawn.packed(tmp_path_factory.mktemp("notes"), drawn.files())
    images, notes = gzip.compress(tar, 1), (annotations / "annotations.tar.gz").read_bytes()
    taken_in(tmp_path_factory.mktemp("any"), images, notes)


@pytest.mark.parametrize("part", ["photo", "gzip"])
def test_a_photo_that_is_lost_is_noticed(tmp_path, part):
    images = drawn.packed(tmp_path / "made", drawn.files() | {"images/Tabby_9.jpg": b"no mask"})
    data = (images / "images.tar.gz").read_bytes() if part == "gzip" else b"no photo"
    fuzzed.lay(part, data, tmp_path / "stream" / UPLOAD)
    code = run({"stream": tmp_path / "stream"}, tmp_path / "out", drawn.INGEST)
    assert "Tabby_1.jpg" in fuzzed.check_output(tmp_path, UPLOAD, code)
    next((tmp_path / "out" / "quarantine" / UPLOAD).glob("*.jpg.json")).unlink()
    with pytest.raises(AssertionError):
        fuzzed.check_output(tmp_path, UPLOAD, code)


CORPUS = sorted((Path(fuzzed.__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=[path.name for path in CORPUS])
def test_what_fuzzing_has_kept_breaks_no_promise(path):
    fuzzed.check(path.read_bytes())
