"""`ibid report`: what people see of an output, whatever the output is about."""

import json
import stat

import pytest

DATA = {
    "summary": "2 texts",
    "warnings": ["One of them is empty."],
    "tables": [
        {"title": "Words", "columns": ["text", "words"], "rows": [["a\x1b[31m", 3], ["b", None]]},
        {"title": "Refused", "columns": ["text"], "rows": []},
    ],
    "more": 1,
}
PIPELINE = """\
- name: survey
  description: Write a page and what it says.
  cmd: [sh, -c, 'cp "$texts/report.json" "$PFS_ROOT/out/"; echo "<p>2" > "$PFS_ROOT/out/page.html"']
  environment: plain
  input: {pfs: {repo: texts, glob: "/"}}
"""
NAMED = "report: {pipeline: survey, page: page.html, data: report.json}\n"


def declared(words):
    """A pipeline with a report, and its data put, not run."""
    words.declare(PIPELINE)
    words.edit("pipelines/words/pipeline.yaml", "inputs:", f"{NAMED}inputs:")
    words.compile()
    words.put(**{"report.json": json.dumps(DATA)})


def reported(words):
    """The same, run."""
    declared(words)
    words.run()


@pytest.fixture
def told(prepared):
    return prepared(declared)


@pytest.fixture
def surveyed(prepared):
    return prepared(reported)


def test_the_tables_are_shown_with_summary_and_warnings(surveyed):
    said = surveyed.ibid("report")
    lines = [line.rstrip() for line in said.stdout.splitlines()]
    assert lines[:3] == ["2 texts", "Warning: One of them is empty.", ""]
    assert [line.split() for line in lines[3:7]] == [
        ["Words"],
        ["TEXT", "WORDS"],
        ["a\\x1b[31m", "3"],
        ["b", "-"],
    ]
    assert lines[-1] == "Refused: none"
    assert "ibid report page.html --open" in said.stderr


def test_json_is_what_the_stage_wrote(surveyed):
    said = surveyed.ibid("report", "--json")
    assert json.loads(said.stdout) == DATA
    assert said.stderr == ""


def test_the_page_is_written_and_never_overwrites_unasked(surveyed, tmp_path):
    page = tmp_path / "out" / "page.html"
    said = surveyed.ibid("report", page)
    assert page.read_text() == "<p>2\n"
    assert "2 texts" in said.stdout
    page.write_text("mine")
    assert "exists" in surveyed.ibid("report", page, code=2).stderr
    assert page.read_text() == "mine"
    surveyed.ibid("report", page, "--force")
    assert page.read_text() == "<p>2\n"


@pytest.fixture
def browser(tmp_path):
    """A browser that keeps a copy of what it is given."""
    program = tmp_path / "browser"
    program.write_text(
        f'#!/bin/sh\ncp "${{1#file://}}" {tmp_path}/seen\necho "$1" > {tmp_path}/url\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"BROWSER": f"{program} %s"}


def test_the_page_is_opened(words, browser, tmp_path):
    """In a process of its own, as in the next test: Python looks for browsers once."""
    reported(words)
    words.ibid("report", tmp_path / "my page.html", "--open", **browser)
    assert (tmp_path / "url").read_text().endswith("/my%20page.html\n")
    words.ibid("report", "--open", **browser, TMPDIR=str(tmp_path))
    assert (tmp_path / "seen").read_text() == "<p>2\n"


def test_without_a_browser_it_says_what_to_open(words, tmp_path):
    reported(words)
    page = tmp_path / "page.html"
    said = words.ibid("report", page, "--open", BROWSER="false", PATH="/nowhere")
    assert f"open file://{page}" in said.stderr


def test_a_pipeline_without_a_report_says_so(words):
    said = words.ibid("report", code=2)
    assert "words has none" in said.stderr
    assert "docs/reference/pipeline.md" in said.stderr


def test_before_a_run_it_says_that_there_is_nothing_yet(told):
    assert "survey" in told.ibid("report", code=2).stderr


@pytest.mark.parametrize(
    "data",
    [
        "[]",
        "{}",
        '{"summary": "x", "tables": [{"title": "a", "columns": ["b"], "rows": [[1, 2]]}]}',
    ],
)
def test_a_report_of_another_form_is_refused(told, data):
    told.put(**{"report.json": data})
    told.run()
    said = told.ibid("report", code=3)
    assert "Expected a report with summary and tables" in said.stderr
    assert "Traceback" not in said.stderr
