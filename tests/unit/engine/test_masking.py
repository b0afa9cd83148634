"""A value is masked however the writes of it fall."""

import errno
import itertools
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ibid.engine.masking import Mask, MaskedLog

VALUE = "hunter2-hunter2"


def cut(text, places):
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@settings(deadline=None, max_examples=200)
@example(["hunter2-"] * 4, [])
@given(
    st.lists(
        st.sampled_from(["x", "h", "hunter2-", VALUE, "hunter", "\n", "aba", "ab"]), max_size=8
    ),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_a_value_is_masked_wherever_it_is_cut(pieces, places):
    mask = Mask([VALUE, "ababa", VALUE + "-and-more"])
    text = "".join(pieces)
    shown, held = b"", b""
    for piece in cut(text.encode(), places):
        more, held = mask.split(held + piece)
        shown += more
    shown += mask.apply(held)
    assert shown == mask.apply(text.encode())
    assert VALUE.encode() not in shown
    assert b"ababa" not in shown
    if VALUE not in text and "ababa" not in text:
        assert shown.decode() == text


@pytest.mark.parametrize("printed", ["{value}", "a{value}b{value}c", "['{value}']"])
def test_a_text_is_masked(printed):
    assert VALUE not in Mask([VALUE]).text(printed.format(value=VALUE))
    assert Mask([VALUE]).text("plain") == "plain"


def test_a_value_of_several_lines_is_masked_line_by_line_and_as_python_quotes_it():
    key = "-----BEGIN-----\nabcdefghijkl\nxy\n"
    mask = Mask([key])
    assert "abcdefghijkl" not in mask.text("at abcdefghijkl:")
    assert "abcdef" not in mask.text(repr(key.strip()))


@pytest.mark.parametrize("size", [1, 7, 65535, 65536, 65540, 200_000])
def test_a_file_that_holds_a_value_is_known_wherever_it_stands(tmp_path, size):
    file = tmp_path / "file"
    file.write_bytes(b"x" * size + VALUE.encode() + b"y")
    assert Mask([VALUE]).is_in(file)
    file.write_bytes(b"x" * size + VALUE[:-1].encode())
    assert not Mask([VALUE]).is_in(file)


def test_what_a_process_prints_stands_in_the_log_masked_when_it_has_been_drained(tmp_path):
    log = MaskedLog(tmp_path / "log", Mask([VALUE]))
    script = (
        'for i in h u n t e r 2 - h u n t e r 2; do printf $i; done; echo " end"; read x; echo z'
    )
    process = subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=log.fileno, stderr=log.fileno
    )
    log.started()
    while "end" not in (tmp_path / "log").read_text():
        log.drain()
    assert (tmp_path / "log").read_text() == "*** end\n"
    process.communicate(b"\n")
    log.close()
    assert (tmp_path / "log").read_text() == "*** end\nz\n"


def test_a_process_that_prints_for_ever_holds_nobody_up(tmp_path):
    log = MaskedLog(tmp_path / "log", Mask([VALUE]))
    process = subprocess.Popen(["yes"], stdout=log.fileno, stderr=log.fileno)
    log.started()
    log.drain()
    log.close()
    assert process.wait(60) != 0  # nobody reads its pipe any more


def test_a_log_that_ends_like_a_value_is_written_to_its_end(tmp_path):
    log = MaskedLog(tmp_path / "log", Mask([VALUE]))
    os.write(log.fileno, VALUE[:-1].encode())
    log.drain()
    assert (tmp_path / "log").read_text() == ""
    log.started()
    log.close()
    assert (tmp_path / "log").read_text() == VALUE[:-1]


@pytest.mark.parametrize("mask", [Mask([VALUE]), Mask()])
def test_a_process_goes_on_where_its_log_cannot_be_written(mask):
    log = MaskedLog(Path("/dev/full"), mask)
    script = "head -c 3000000 /dev/zero; echo ended >&2"
    process = subprocess.Popen(["sh", "-c", script], stdout=log.fileno, stderr=subprocess.PIPE)
    log.started()
    assert process.communicate() == (None, b"ended\n")
    log.drain()
    log.close()
    assert log.error is not None
    assert (log.error.errno, log.error.filename) == (errno.ENOSPC, "/dev/full")
