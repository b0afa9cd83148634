import base64
import io
import json
import re
from collections import Counter

import data_drawn as drawn
import numpy as np
import pytest
import tiny_pets
from PIL import Image

from components.ingest.stage import run as ingest
from components.survey import stage
from components.transform.stage import run as transform
from ibid.stage.contract import BadInputError

SURVEY = tiny_pets.defaults("survey")
HOSTILE = "<script>alert(1)</script>\x1b[31m"


def take_in(home, *uploads):
    """Run the stages before on uploads, each a mapping from path to bytes, named 0001-a and on."""
    for number, content in enumerate(uploads):
        drawn.unpacked(home / "stream" / f"000{number + 1}-{'abc'[number]}", content)
    world = {"ingest": home / "world" / "ingest", "transform": home / "world" / "transform"}
    for folder in world.values():
        folder.mkdir(parents=True)
    ingest({"stream": home / "stream"}, world["ingest"], drawn.INGEST)
    transform({"ingest": world["ingest"]}, world["transform"], drawn.TRANSFORM)
    return world


def survey(home, world, **changes):
    output = home / "report"
    output.mkdir()
    stage.run(world, output, SURVEY | changes)
    report = json.loads((output / "report.json").read_bytes())
    tables = {table["title"]: table for table in report["tables"]}
    return report, tables, (output / "report.html").read_text(encoding="utf-8")


def broken():
    """An upload with files that cannot become pets, and pets that need a remark."""
    return drawn.files() | {
        "images/Tabby_1.jpg": drawn.jpeg(drawn.pixels()[::-1]),
        "images/Tabby_8.jpg": b"no photo",
        "annotations/trimaps/Tabby_8.png": drawn.png(),
        "images/Tabby_9.jpg": drawn.jpeg(),
        "images/max-at-the-sea.jpg": drawn.jpeg(),
        "images/bella.jpg": drawn.jpeg(),
        f"images/{HOSTILE.replace('/', '')}_7.jpg": drawn.jpeg(),
        "images/Tabby_3.png": drawn.encoded(drawn.pixels(60, 50), "PNG"),
        "annotations/trimaps/Tabby_3.png": drawn.png(drawn.trimap(60, 50)),
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return take_in(tmp_path_factory.mktemp("survey"), drawn.files(), broken())


@pytest.fixture(scope="module")
def found(tmp_path_factory, world):
    return survey(tmp_path_factory.mktemp("found"), world)


def pictures(page):
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_every_pet_is_counted_once_by_breed_and_split(found, world):
    report, tables, _ = found
    table = tables["Pets by breed and split"]
    assert table["columns"][2:] == ["training", "validation", "calibration", "test", "all"]
    *breeds, total = table["rows"]
    assert [(row[0], row[1], row[-1]) for row in breeds] == [
        ("Tabby", "cat", 3),
        ("rover", "dog", 1),
    ]
    there = [len(list((world["transform"] / name).glob("*"))) for name in table["columns"][2:-1]]
    assert total == ["all", "", *there, 4]
    for row in table["rows"]:
        assert sum(row[2:-1]) == row[-1]
    assert report["summary"] == "4 pets, 2 breeds, 2 uploads, 5 files set aside"


def test_sizes_are_those_of_the_photos_as_they_came(found):
    assert found[1]["Photos as they were taken in"]["rows"] == [
        ["width", 40, 40, 60],
        ["height", 30, 30, 50],
    ]


def test_of_a_pet_in_two_uploads_one_is_in_use(found):
    rows = found[1]["Uploads"]["rows"]
    assert [row[:4] for row in rows] == [["0001-a", 3, 0, 0], ["0002-b", 4, 4, 5]]


def test_files_set_aside_are_counted_by_reason_whatever_their_names(found):
    rows = dict(found[1]["Files set aside"]["rows"])
    assert rows["Expected a mask of the same name."] == 3
    assert sum(rows.values()) == 5
    assert list(rows.values()) == sorted(rows.values(), reverse=True)


def test_a_pet_that_was_changed_on_its_way_in_is_counted_by_its_remark(found):
    rows = dict(found[1]["Pets taken in with a remark"]["rows"])
    assert rows["encoded anew"] == 1
    assert rows["not in list.txt"] == 1
    assert rows["other bytes in another upload"] == 1


def test_what_was_noted_of_a_pet_is_told_in_full_with_its_picture(found):
    noted = re.findall(r'<figure title="([^"]+)">', found[2])
    told = Counter(words for each in noted for words in each.split("; "))
    assert told["other bytes in another upload: 0002-b counts, not 0001-a"] == 2
    assert sum("not an upright RGB JPEG but PNG" in words for words in told.elements()) == 3


def test_a_split_without_a_pet_is_a_warning(found):
    report, tables, page = found
    *_, total = tables["Pets by breed and split"]["rows"]
    names = tables["Pets by breed and split"]["columns"]
    empty = [name for name, count in zip(names, total, strict=True) if count == 0]
    assert empty
    for name in empty:
        warning = f"No pet is in {name}: names decide, so put more pets."
        assert warning in report["warnings"]
        assert warning in page


def test_the_page_shows_what_the_json_holds(found):
    report, _, page = found
    assert report["summary"] in page
    for table in report["tables"]:
        assert table["title"] in page
        for row in table["rows"]:
            for cell in row:
                assert f">{cell}</td>" in page


def test_the_page_needs_no_network_and_nothing_beside_it(found):
    page = found[2]
    assert re.findall(r"(?:src|href)=(?!\"data:)", page) == []
    assert "url(" not in page
    assert "@import" not in page


def test_what_files_are_called_is_text_and_nothing_more(found):
    page = found[2]
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_files_set_aside_are_named_with_upload_and_reason(found):
    page = found[2]
    assert re.search(r"<td>0002-b</td><td>Tabby_9.jpg</td><td>Expected a mask [^<]+</td>", page)


def test_thumbnails_show_pets_with_their_masks(found):
    for picture in pictures(found[2]):
        assert (picture.size, picture.mode) == ((96, 96), "RGB")
    tabby = np.asarray(pictures(found[2])[0]).astype(int)
    inside, border, outside = tabby[10, 5], tabby[50, 50], tabby[60, 90]
    assert inside.min() < 60
    assert border[0] > border[1] > border[2]
    assert outside.min() > 140


def test_each_breed_and_remark_shows_so_many_pets(tmp_path, found, world):
    assert len(pictures(found[2])) == 4 + 3
    assert found[2].count("3 of 3") == 1
    _, _, page = survey(tmp_path, world, thumbnails=1)
    assert len(pictures(page)) == 2 + 3
    assert "1 of 3" in page


def test_without_thumbnails_and_names_only_counts_are_left(tmp_path, found, world):
    report, _, page = survey(tmp_path, world, thumbnails=0, listed=0)
    assert report == found[0]
    assert pictures(page) == []
    assert "Tabby_9.jpg" not in page


def test_what_is_not_named_is_counted(tmp_path, world):
    assert "And 2 more." in survey(tmp_path, world, listed=1)[2]


def test_where_nothing_was_set_aside_it_says_so(tmp_path):
    _, tables, page = survey(tmp_path, take_in(tmp_path, drawn.files()))
    assert tables["Files set aside"]["rows"] == []
    assert "None." in page
    assert "Which files were set aside" not in page


def test_two_processes_write_the_same_bytes(tmp_path, found, world):
    base = world["ingest"].parent
    first, second = tiny_pets.start_twice("survey", base, tmp_path)
    assert first == second
    assert first["report.html"].decode() == found[2]


def test_parameters_out_of_bounds_are_refused(tmp_path, world):
    with pytest.raises(BadInputError, match=r"components\.survey\.parameters"):
        stage.run(world, tmp_path, SURVEY | {"thumbnails": -1})
