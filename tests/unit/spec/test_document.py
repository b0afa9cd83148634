"""YAML that is broken, or stands for more than it shows: told by file and line, before it grows."""

import guide
import pytest

from ibid.spec import document, pipeline
from ibid.stage.contract import UsageError


def nine(first, form):
    """Nine levels, each nine times the one before: 3.9 * 10**8 leaves in ten lines."""
    lines = [first]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} {form % ','.join([f'*{before}'] * 9)}")
    return "\n".join(lines) + "\n"


LARGE = "Expected YAML of at most 100000 nodes and 50 levels in"
BROKEN = {
    "anchors that repeat one another": (
        nine("a: &a [x, x, x, x, x, x, x, x, x]", "[%s]"),
        LARGE,
        "line 6: more than 100000 nodes, where *aliases count as what they repeat",
    ),
    "merges that repeat one another": (
        nine("a: &a {x: 1}", "{<<: [%s]}"),
        LARGE,
        "line 6: more than 100000 nodes, where *aliases count as what they repeat",
    ),
    "an anchor within itself": ("name: x\na: &a [*a]\n", LARGE, "line 2: *a stands within &a"),
    "brackets without end": ("name: " + "[" * 5000, LARGE, "line 1: more than 50 levels"),
    "a ladder of keys": (
        "".join(" " * i + "a:\n" for i in range(99)),
        LARGE,
        "line 51: more than 50 levels",
    ),
    "a tab": (
        "name: x\n\tversion: 1\n",
        "Expected YAML in",
        "line 2: found character '\\t' that cannot start any token",
    ),
    "an anchor of nothing": ("name: *b\n", "Expected YAML in", "line 1: found undefined alias 'b'"),
    "two documents": (
        "a: 1\n---\nb: 2\n",
        "Expected YAML in",
        "line 2: but found another document",
    ),
    "a list as a key": ("? [a]\n: b\n", "Expected YAML in", "line 1: found unhashable key"),
    "a day that is none": (
        "name: x\ndescription: 2024-13-45\n",
        "Expected YAML in",
        "line 2: month must be in 1..12",
    ),
    "an object of Python": (
        "name: x\nversion: !!python/object/apply:os.system [ls]\n",
        "Expected YAML in",
        (
            "line 2: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object/apply:os.system'"
        ),
    ),
    "a key twice": (
        "name: x\nname: y\n",
        "Expected each key once in",
        "line 2: name: expected once, stands on line 1 already",
    ),
    "a megabyte": (
        "#" * (1 << 20) + "\n",
        "Expected at most 1048576 bytes in",
        "1048577",
    ),
}


def refusal(path):
    with pytest.raises(UsageError) as caught:
        pipeline.read(path)
    return str(caught.value)


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_told_with_file_and_line(tmp_path, case):
    text, expected, received = BROKEN[case]
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    told = refusal(path)
    assert told.startswith(f"{expected} {path}.\n")
    assert told.partition("Received: ")[2].splitlines()[0] == received
    assert "hint: " in told


def test_each_row_of_the_guide_is_a_case():
    assert guide.untold("no YAML", [received for *_, received in BROKEN.values()]) == []


def test_a_number_of_five_thousand_digits_is_told_with_its_line(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("name: x\nversion: " + "1" * 5000)
    assert "Received: line 2: Exceeds the limit (4300 digits)" in refusal(path)


def test_a_tab_is_told_with_what_to_do(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("name: x\n\tversion: 1\n")
    assert "hint: indent with spaces" in refusal(path)


def test_anchors_within_bounds_are_followed(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("a: &a {x: 1}\nb: [*a, *a]\nc: {<<: *a, y: 2}\n")
    value = document.read(path)[1]
    assert value["b"] == [{"x": 1}, {"x": 1}]
    assert value["c"] == {"x": 1, "y": 2}
