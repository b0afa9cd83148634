import gzip
import io
import json
import tarfile
from pathlib import Path

import data_drawn as drawn
import numpy as np
import pytest
from PIL import Image, ImageOps

from components.ingest.stage import run
from components.segmentation import oxford
from ibid.stage.contract import BadInputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "pets-240"


@pytest.fixture
def stream(tmp_path):
    return tmp_path / "stream"


@pytest.fixture
def ingest(tmp_path, stream):
    """Ingest what lies in the stream; returns the output's files by path."""

    def ingest(code: int = 0) -> dict[str, bytes]:
        output = tmp_path / "out"
        output.mkdir()
        assert run({"stream": stream}, output, drawn.INGEST) == code
        return drawn.contents(output)

    return ingest


def metadata(out: dict[str, bytes], pet: str, upload: str = "0001-a") -> dict:
    return json.loads(out[f"pets/{upload}/{pet}/metadata.json"])


def reason(out: dict[str, bytes], name: str, upload: str = "0001-a") -> str:
    return json.loads(out[f"quarantine/{upload}/{name}.json"])["reason"]


def test_a_pet_is_its_photo_its_mask_and_what_is_known(stream, ingest):
    content = drawn.files()
    drawn.unpacked(stream / "0001-a", content)
    out = ingest()
    assert out["pets/0001-a/Tabby_1/image.jpg"] == content["images/Tabby_1.jpg"]
    assert out["pets/0001-a/Tabby_1/mask.png"] == content["annotations/trimaps/Tabby_1.png"]
    known = metadata(out, "Tabby_1")
    assert (known["breed"], known["species"], known["class_id"]) == ("Tabby", "cat", 1)
    assert known["heads"] == [{"xmin": 11, "ymin": 6, "xmax": 20, "ymax": 15}]
    assert metadata(out, "rover_7")["species"] == "dog"
    assert len(out) == 9


def test_packed_and_unpacked_give_the_same_bytes(tmp_path):
    content = drawn.files() | {"images/Tabby_1.mat": b"matlab", "images/x/y.jpg": b"nested"}
    for name, lay in (("p", drawn.packed), ("u", drawn.unpacked)):
        lay(tmp_path / name / "0001-a", content)
        (tmp_path / f"{name}-out").mkdir()
        run({"stream": tmp_path / name}, tmp_path / f"{name}-out", drawn.INGEST)
    assert drawn.contents(tmp_path / "p-out") == drawn.contents(tmp_path / "u-out")


def test_a_union_of_uploads_gives_the_union_of_the_outputs(tmp_path):
    uploads = {"0001-a": drawn.files(), "0002-b": {**drawn.files(), "images/x.mat": b"1"}}
    alone: dict[str, bytes] = {}
    for upload, content in uploads.items():
        drawn.packed(tmp_path / "both" / upload, content)
        drawn.packed(tmp_path / upload / upload, content)
        run({"stream": tmp_path / upload}, tmp_path / "alone", drawn.INGEST)
    alone = drawn.contents(tmp_path / "alone")
    run({"stream": tmp_path / "both"}, tmp_path / "out", drawn.INGEST)
    assert drawn.contents(tmp_path / "out") == alone


@pytest.mark.parametrize("orientation", range(2, 9))
def test_photo_mask_and_head_are_turned_together(stream, ingest, orientation):
    content = drawn.files()
    content["images/Tabby_1.jpg"] = drawn.jpeg(exif=drawn.exif(orientation))
    drawn.unpacked(stream / "0001-a", content)
    out = ingest()
    photo = np.asarray(Image.open(io.BytesIO(out["pets/0001-a/Tabby_1/image.jpg"])))
    mask = np.asarray(Image.open(io.BytesIO(out["pets/0001-a/Tabby_1/mask.png"])))
    stored = Image.open(io.BytesIO(content["images/Tabby_1.jpg"]))
    viewed = np.asarray(ImageOps.exif_transpose(stored)).astype(int)
    assert photo.shape == viewed.shape
    assert np.abs(photo - viewed).mean() < 3
    green = (photo[..., 1] > 120) & (photo[..., 0] < 100)  # the upper right of the stored photo
    assert (mask[green] != 1).mean() > 0.9
    head = metadata(out, "Tabby_1")["heads"][0]
    inside = photo[head["ymin"] - 1 : head["ymax"], head["xmin"] - 1 : head["xmax"]]
    assert inside.mean() > 240
    assert "EXIF orientation" in metadata(out, "Tabby_1")["notes"][0]
    assert not Image.open(io.BytesIO(out["pets/0001-a/Tabby_1/image.jpg"])).getexif()


def test_a_png_that_calls_itself_jpg_becomes_a_jpeg(stream, ingest):
    content = drawn.files()
    content["images/Tabby_1.jpg"] = drawn.encoded(drawn.pixels(), "PNG")
    drawn.unpacked(stream / "0001-a", content)
    out = ingest()
    assert Image.open(io.BytesIO(out["pets/0001-a/Tabby_1/image.jpg"])).format == "JPEG"
    assert "PNG" in metadata(out, "Tabby_1")["notes"][0]


def test_the_list_may_have_comments_and_bad_lines(stream, ingest):
    content = drawn.files()
    listing = f"#Image CLASS-ID SPECIES BREED ID\n\nTabby_9 one two\n{drawn.LIST}\xff\n"
    content["annotations/list.txt"] = listing.encode("latin-1")
    drawn.unpacked(stream / "0001-a", content)
    out = ingest()
    assert metadata(out, "Tabby_2")["class_id"] == 1
    assert "NAME CLASS SPECIES" in reason(out, "list.txt-line-3")
    assert "NAME CLASS SPECIES" in reason(out, "list.txt-line-7")


def test_a_pet_missing_from_the_list_is_known_by_its_name(stream, ingest):
    content = drawn.files()
    content["annotations/list.txt"] = b"Tabby_2 5 1 1\n"
    drawn.unpacked(stream / "0001-a", content)
    out = ingest()
    cat, dog = metadata(out, "Tabby_1"), metadata(out, "rover_7")
    assert (cat["breed"], cat["species"], cat["class_id"]) == ("Tabby", "cat", 5)
    assert (dog["breed"], dog["species"], dog["class_id"]) == ("rover", "dog", None)
    assert "list.txt" in cat["notes"][0]
    assert metadata(out, "Tabby_2")["notes"] == []


def test_a_breed_has_the_least_class_of_its_listed_pets():
    listing = oxford.parse_list("Tabby_1 5 1 1\nTabby_2 3 1 1\nTabby_3 4 1 1\nrover_7 2 2 1\n")
    assert listing.classes == {"Tabby": 3, "rover": 2}


def test_a_damaged_head_box_costs_only_the_box(stream, ingest):
    content = drawn.files() | {"annotations/xmls/Tabby_1.xml": b"<annotation><bndbox>"}
    drawn.unpacked(stream / "0001-a", content)
    out = ingest()
    assert metadata(out, "Tabby_1")["heads"] == []
    assert "head box" in metadata(out, "Tabby_1")["notes"][0]


BAD = {
    "Tabby_3.mat": b"matlab",
    ".DS_Store": b"finder",
    "._Tabby_1.jpg": b"fork",
    "Tabby_4.jpg": b"not a photo",
    "Tabby_5.jpg": drawn.jpeg()[:400],
    "Tabby_6.jpg": drawn.jpeg(comment=b"6"),
    "Tabby_7.jpg": drawn.jpeg(drawn.pixels(20, 20)),
    "Tabby_8.jpg": drawn.jpeg(comment=b"8"),
    "Tabby_1.png": drawn.jpeg(comment=b"1"),
    "big_1.jpg": bytes(1_000_001),
    "a b.jpg": drawn.jpeg(),
    "../../escape_1.jpg": drawn.jpeg(),
    "/abs_1.jpg": drawn.jpeg(),
    "deep/er_1.jpg": drawn.jpeg(),
    "bytes\udcff_1.jpg": drawn.jpeg(),
    "..jpg": drawn.jpeg(),
    "x" * 101 + ".jpg": drawn.jpeg(),
}


def test_every_photo_ends_as_a_pet_or_in_quarantine_once(tmp_path, stream, ingest):
    content = drawn.files() | {f"images/{name}": data for name, data in BAD.items()}
    content |= {f"annotations/trimaps/Tabby_{n}.png": drawn.png() for n in (4, 5, 7)}
    content |= {"annotations/trimaps/Tabby_8.png": drawn.png(np.zeros((30, 40), np.uint8))}
    drawn.packed(stream / "0001-a", content)
    out = ingest()
    records = [json.loads(out[path]) for path in out if path.startswith("quarantine/")]
    names = {name.replace("\udcff", "\\xff") for name in BAD}
    assert sorted(record["file"] for record in records) == sorted(names)
    assert all(len(record["reason"]) > 10 for record in records)
    assert sum(path.endswith("image.jpg") for path in out) == 3
    assert {path.split("/")[0] for path in out} == {"pets", "quarantine"}
    assert {path.name for path in tmp_path.iterdir()} == {"stream", "out"}
    assert reason(out, "Tabby_1.png") == "Expected one photo a pet; another came first."
    assert "no trimaps/Tabby_6.png" in reason(out, "Tabby_6.jpg")
    assert "mask 40x30, photo 20x20" in reason(out, "Tabby_7.jpg")
    assert "1 pet, 2 background" in reason(out, "Tabby_8.jpg")
    assert "runcated" in reason(out, "Tabby_5.jpg")


def test_records_of_one_name_and_of_its_copies_stay_apart(stream, ingest):
    drawn.unpacked(stream / "0001-a", drawn.files() | {"images/notes.txt": b"1"})
    drawn.packed(stream / "0001-a", drawn.files() | {"images/notes.txt": b"2"})
    for name in ("notes.txt.2", "notes.txt.2.2"):
        (stream / "0001-a" / "images" / name).write_bytes(b"3")
    records = [data for path, data in ingest().items() if "/notes.txt" in path]
    files = sorted(json.loads(record)["file"] for record in records)
    assert files == ["notes.txt", "notes.txt", "notes.txt.2", "notes.txt.2.2"]


def test_annotations_without_a_photo_are_set_aside_and_oxfords_own_are_not(stream, ingest):
    content = drawn.files() | {
        "annotations/README": b"about",
        "annotations/test.txt": b"",
        "annotations/trimaps/._Tabby_1.png": b"fork",
        "annotations/trimaps/Tabby_3.png": drawn.png(),
        "annotations/xmls/Tabby_3.xml": drawn.XML.encode(),
        "annotations/notes.doc": b"?",
    }
    drawn.packed(stream / "0001-a", content)
    quarantined = {Path(path).name for path in ingest() if path.startswith("quarantine")}
    assert quarantined == {"Tabby_3.png.json", "Tabby_3.xml.json", "notes.doc.json"}


def test_links_in_a_tarball_are_not_followed(tmp_path, stream, ingest):
    drawn.packed(stream / "0001-a", drawn.files())
    link = tarfile.TarInfo("images/Tabby_3.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    photo = tarfile.TarInfo("images/Tabby_1.jpg")
    photo.size = len(drawn.jpeg())
    with tarfile.open(stream / "0001-a" / "images.tar.gz", "w:gz") as archive:
        archive.addfile(link)
        archive.addfile(photo, io.BytesIO(drawn.jpeg()))
    assert "link" in reason(ingest(), "Tabby_3.jpg")


@pytest.mark.parametrize("damage", ["cut", "flipped", "no gzip", "header"])
def test_a_damaged_tarball_loses_no_photo_in_silence(stream, ingest, damage):
    path = drawn.packed(stream / "0001-a", drawn.files()) / "images.tar.gz"
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-20])
    elif damage == "flipped":
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :])
    elif damage == "no gzip":
        path.write_bytes(b"no gzip at all")
    else:
        spoil_second_header(path)
    out = ingest(code=4)
    assert list(out) == ["quarantine/0001-a/0001-a.json"]
    assert "whole gzip tarball images.tar.gz" in reason(out, "0001-a")


def spoil_second_header(path: Path) -> None:
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1].offset
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[second : second + 512] = b"?" * 512
    path.write_bytes(gzip.compress(bytes(raw)))


def test_without_any_upload_ingest_says_what_it_expects(stream, ingest):
    stream.mkdir()
    with pytest.raises(BadInputError, match="folder an upload") as caught:
        ingest()
    assert caught.value.hint == "ibid put stream FOLDER"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("annotations/list.txt",), "images.tar.gz or a folder images"),
        (("images/Tabby_1.jpg",), "annotations.tar.gz or a folder annotations"),
        (("images/Tabby_1.jpg", "annotations/list.txt"), "photos with masks"),
    ],
)
def test_an_upload_of_no_use_is_refused_and_the_others_go_on(
    stream, ingest, capsys, names, expected
):
    drawn.unpacked(stream / "0001-a", {name: drawn.files()[name] for name in names})
    drawn.packed(stream / "0002-b", drawn.files())
    out = ingest(code=4)
    assert expected in reason(out, "0001-a")
    assert sum(path.endswith("image.jpg") for path in out) == 3
    said = capsys.readouterr().err
    assert expected in said
    assert "ibid rm stream:0001-a" in said


@pytest.mark.parametrize("xml", [b"", b"<a>", b"\xff\xfe", b"<a><bndbox/></a>", b"<bndbox>" * 9])
def test_bad_head_boxes_are_bad_input(xml):
    with pytest.raises(BadInputError):
        oxford.parse_heads(xml)


def test_what_is_written_in_oxfords_formats_reads_back():
    entries = [("Tabby_1", oxford.Entry(1, "cat"), 1), ("rover_2", oxford.Entry(2, "dog"), 1)]
    listing = oxford.parse_list(oxford.format_list(entries))
    assert listing.entries == {name: entry for name, entry, _ in entries}
    assert listing.problems == {}
    xml = oxford.format_heads("Tabby_1", "cat", (40, 30), [(1, 2, 30, 20)])
    assert oxford.parse_heads(xml) == [(1, 2, 30, 20)]


@pytest.mark.shared
def test_the_real_photos_keep_their_quirks(tmp_path):
    (tmp_path / "stream").mkdir()
    (tmp_path / "stream" / "0001-a").symlink_to(SHARED)
    limits = {"max_megapixels": 64, "max_images_mb": 64, "max_files": 2000}
    run({"stream": tmp_path / "stream"}, tmp_path / "out", drawn.INGEST | limits)
    out = drawn.contents(tmp_path / "out")
    assert sum(path.endswith("image.jpg") for path in out) == 239
    assert {Path(path).name for path in out if path.startswith("quarantine")} == {
        "Abyssinian_34.jpg.json",  # a GIF, not in list.txt, of which the mask shows nothing
        *(f"Abyssinian_{number}.mat.json" for number in (100, 101, 102)),
    }
    assert "only background" in reason(out, "Abyssinian_34.jpg")
