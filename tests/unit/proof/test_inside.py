"""Where two versions of a file differ, by what can be told of their kind."""

import io
import json
import zipfile

from ibid.proof.inside import inside


def archive(time=(2020, 1, 1, 0, 0, 0), **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, text in members.items():
            target.writestr(zipfile.ZipInfo(name, time), text)
    return stream.getvalue()


def test_json_names_the_fields():
    then, now = (json.dumps({"a": {"b": number}, "c": 1}).encode() for number in (1, 2))
    assert inside(then, now) == ["a.b 1 -> 2"]


def test_json_of_equal_fields_names_the_line():
    assert inside(b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}')[0].startswith("line 1: ")


def test_a_text_names_the_lines_and_says_if_only_their_order_differs():
    assert inside(b"a\nb\nc\n", b"a\nx\nc\n") == ["line 2: 'b' -> 'x'"]
    assert inside(b"a\nb\n", b"b\na\n")[0] == "the same lines in another order"
    assert inside(b"a\n", b"a\nb\n") == ["1 lines -> 2 lines"]
    assert inside(b"a\n", b"a") == ["the first at byte 1 of 2 -> 1 bytes"]


def test_many_lines_are_cut():
    then, now = ("\n".join(f"{sign}{number}" for number in range(50)).encode() for sign in "ab")
    lines = inside(then, now)
    assert (len(lines), lines[-1]) == (6, "and 45 more")


def test_an_archive_names_its_members_or_their_times():
    assert inside(archive(a="1", b="2"), archive(a="1", b="3", c="")) == [
        "c: is new",
        "b: other bytes",
    ]
    later = archive((2021, 1, 1, 0, 0, 2), a="1")
    assert inside(archive(a="1"), later) == [
        "a: its time 2020-01-01 00:00:00 -> 2021-01-01 00:00:02"
    ]
    assert inside(archive(a="1", b="2"), archive(b="2", a="1")) == [
        "the members stand in another order"
    ]


def test_other_bytes_name_the_first():
    assert inside(b"\xff\x00\x01", b"\xff\x00\x02") == ["the first at byte 2 of 3 bytes"]
    assert inside(b"\xff", b"\xff\x00") == ["the first at byte 1 of 1 -> 2 bytes"]


def test_what_no_reader_can_read_is_compared_byte_by_byte():
    then, now = archive(a="x" * 9), archive(a="y" * 9)
    broken = now.replace(b"y" * 9, b"z" * 9)  # the checksum is another's
    assert inside(then, broken)[0].startswith("the first at byte ")
    start = now.index(b"PK\x01\x02")
    encrypted = now[:6] + b"\x01" + now[7 : start + 8] + b"\x01" + now[start + 9 :]
    assert inside(then, encrypted)[0].startswith("the first at byte ")
    deep = b"[" * 100_000
    assert inside(deep + b"1", deep + b"2") == ["the first at byte 100000 of 100001 bytes"]
