"""Where within a file two versions of it differ, as far as its kind can be told from its bytes."""

import io
import json
import zipfile
from collections.abc import Iterator

from ibid.engine.changes import flat_differences
from ibid.stage.contract import one_line

SHOWN = 5
WIDTH = 60


def inside(then: bytes, now: bytes) -> list[str]:
    """Say in a few lines where two files differ: a member, a field, a line, or a byte."""
    try:
        lines = [*_look(then, now)]
    except Exception:  # foreign bytes break readers in any way, and the verdict has to stand
        lines = [*_bytes(then, now)]
    return lines[:SHOWN] + ([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])


def _look(then: bytes, now: bytes) -> Iterator[str]:
    if zipfile.is_zipfile(io.BytesIO(then)) and zipfile.is_zipfile(io.BytesIO(now)):
        yield from _archives(then, now)
        return
    try:
        texts = then.decode(), now.decode()
    except UnicodeDecodeError:
        yield from _bytes(then, now)
        return
    try:
        values = [json.loads(text) for text in texts]
    except ValueError:
        yield from _lines(*texts)
        return
    if all(isinstance(value, dict) for value in values) and values[0] != values[1]:
        yield from map(_short, flat_differences(values[0], values[1]))
    else:
        yield from _lines(*texts)


def _archives(then: bytes, now: bytes) -> Iterator[str]:
    """Compare the members of two zip archives: which there are, their bytes, their times."""
    with zipfile.ZipFile(io.BytesIO(then)) as a, zipfile.ZipFile(io.BytesIO(now)) as b:
        before, after = ({m.filename: m for m in archive.infolist()} for archive in (a, b))
        for name in sorted(before.keys() ^ after.keys()):
            yield f"{name}: {'is gone' if name in before else 'is new'}"
        for name in sorted(before.keys() & after.keys()):
            if a.read(name) != b.read(name):
                yield f"{name}: other bytes"
            elif before[name].date_time != after[name].date_time:
                times = ["{}-{:02}-{:02} {:02}:{:02}:{:02}".format(*m[name].date_time)
                         for m in (before, after)]  # fmt: skip
                yield f"{name}: its time {times[0]} -> {times[1]}"
        if [*before] != [*after] and before.keys() == after.keys():
            yield "the members stand in another order"


def _lines(then: str, now: str) -> Iterator[str]:
    before, after = then.splitlines(), now.splitlines()
    if sorted(before) == sorted(after) and before != after:
        yield "the same lines in another order"
        return
    for number, (a, b) in enumerate(zip(before, after, strict=False), start=1):
        if a != b:
            yield _short(f"line {number}: {a!r} -> {b!r}")
    if len(before) != len(after):
        yield f"{len(before)} lines -> {len(after)} lines"
    elif before == after:  # the ends of lines alone
        yield from _bytes(then.encode(), now.encode())


def _bytes(then: bytes, now: bytes) -> Iterator[str]:
    pairs = enumerate(zip(then, now, strict=False))
    first = next((place for place, (a, b) in pairs if a != b), min(len(then), len(now)))
    sizes = f"{len(then)} bytes" if len(then) == len(now) else f"{len(then)} -> {len(now)} bytes"
    yield f"the first at byte {first} of {sizes}"


def _short(line: str) -> str:
    line = one_line(line)
    return line if len(line) <= 2 * WIDTH else f"{line[: 2 * WIDTH]}…"
