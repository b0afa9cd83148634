import os
import subprocess
import sys
from pathlib import Path

import pytest

from ibid.stage.contract import (
    BadInputError,
    ExitCode,
    IbidError,
    TemporaryError,
    UsageError,
    attempt,
    main,
    pfs_inputs,
    read_params,
)

ROOT = Path(__file__).parents[3]


def test_pfs_root_says_where_a_stage_reads_and_writes(toy):
    pfs = toy.pfs("ho", {"times": 3})
    assert toy.run(PFS_ROOT=str(pfs)) == (ExitCode.DONE, "", "")
    assert (pfs / "out" / "word").read_text() == "hohoho"


def test_each_folder_can_be_named_instead(toy, tmp_path):
    pfs, out = toy.pfs("ho", {"times": 2}), tmp_path / "some where" / "deep"
    named = [f"--in=words={pfs}/words", f"--in=params={pfs}/params", f"--out={out}"]
    assert toy.run(*named, PFS_ROOT="/nowhere")[0] == ExitCode.DONE
    assert (out / "word").read_text() == "hoho"
    assert not (pfs / "out").exists()


def test_the_parameters_may_be_named_as_a_file(toy, tmp_path):
    pfs = toy.pfs("ho", {"times": 2})
    named = [f"--in=words={pfs}/words", f"--in=params={pfs}/params/toy.json"]
    assert toy.run(*named, f"--out={tmp_path}/out")[0] == ExitCode.DONE
    assert (tmp_path / "out" / "word").read_text() == "hoho"


def test_a_path_may_hold_an_equals_sign(toy, tmp_path):
    pfs = toy.pfs("ho", name="a=b")
    assert toy.run(f"--in=words={pfs}/words", f"--out={tmp_path}/out")[0] == ExitCode.DONE


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("ho", ExitCode.DONE),
        ("bug", ExitCode.BUG),
        ("bad", ExitCode.BAD_INPUT),
        ("gate", ExitCode.GATE_REFUSED),
        ("later", ExitCode.TEMPORARY),
    ],
)
def test_how_a_stage_ends_is_its_exit_code(toy, word, code):
    assert toy.run(PFS_ROOT=str(toy.pfs(word)))[0] == code


def test_a_bug_leaves_its_trace_in_the_log(toy):
    _, out, err = toy.run(PFS_ROOT=str(toy.pfs("bug")))
    assert "ZeroDivisionError" in err
    assert "return 1 // 0" in err
    assert out == ""


def test_bad_input_is_told_without_a_trace(toy):
    _, out, err = toy.run(PFS_ROOT=str(toy.pfs("bad")))
    assert err == "Expected a good word.\n  Received: bad\n\n  hint: say it nicely\n"
    assert out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--in", "words=/a"],
        ["--out", "/a"],
        ["--in", "words", "--out", "/a"],
        ["--in", "a=/x", "--in", "a=/y", "--out", "/a"],
        ["--nonsense"],
        ["more"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(toy, arguments):
    code, _, err = toy.run(*arguments)
    assert code == ExitCode.USAGE
    assert "usage: toy.py" in err


def test_help_says_what_the_stage_is_for(toy):
    code, out, _ = toy.run("--help")
    assert code == 0
    assert "Repeat words." in out


def test_no_folder_of_datums_is_a_usage_error_that_names_the_way_out(toy):
    code, _, err = toy.run(PFS_ROOT="/nowhere/pfs")
    assert code == ExitCode.USAGE
    assert "/nowhere/pfs" in err
    assert "--in NAME=PATH --out PATH" in err
    assert "Traceback" not in err


def test_no_parameters_are_none():
    assert read_params({}) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Expected JSON in toy.json"),
        ("[1]", "Expected a JSON object in toy.json"),
        ("", "Expected JSON in toy.json"),
    ],
)
def test_parameters_that_are_no_json_object_are_bad_input(toy, text, told):
    code, _, err = toy.run(PFS_ROOT=str(toy.pfs("ho", text)))
    assert code == ExitCode.BAD_INPUT
    assert told in err
    assert "Traceback" not in err


def test_parameters_that_are_not_utf_8_are_bad_input(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(BadInputError, match=r"a\.json"):
        read_params({"params": tmp_path})


def test_two_files_of_parameters_are_bad_input_that_names_both(tmp_path):
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(BadInputError) as caught:
        read_params({"params": tmp_path})
    assert "Received: a.json, b.json" in str(caught.value)


@pytest.mark.parametrize("made", [True, False])
def test_no_file_of_parameters_is_bad_input(tmp_path, made):
    folder = tmp_path / "params"
    if made:
        folder.mkdir()
    with pytest.raises(BadInputError) as caught:
        read_params({"params": folder})
    assert "Received: none" in str(caught.value)


def test_the_output_and_hidden_entries_are_no_inputs(tmp_path):
    for name in ("b", "a", "out", ".scratch"):
        (tmp_path / name).mkdir()
    assert list(pfs_inputs(tmp_path)) == ["a", "b"]


def test_the_output_folder_is_there_when_the_stage_runs(tmp_path):
    code, error = attempt(lambda _, output, __: output.rmdir(), {}, tmp_path / "a" / "out")
    assert (code, error) == (ExitCode.DONE, "")


def test_main_returns_the_code_for_whoever_imports_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PFS_ROOT", str(tmp_path))

    def run(inputs, output, params):
        return ExitCode.GATE_REFUSED

    assert main(run, []) == ExitCode.GATE_REFUSED


def test_an_error_says_what_was_expected_what_came_and_what_mends_it():
    assert str(IbidError("Expected a.")) == "Expected a."
    assert str(IbidError("Expected a.", received=0)) == "Expected a.\n  Received: 0"
    assert str(IbidError("Expected a.", hint="b")) == "Expected a.\n\n  hint: b"


def test_what_came_in_several_lines_stands_below_each_other():
    text = str(IbidError("Expected a.", received="b\nc", hint="d"))
    assert text == "Expected a.\n  Received:\n    b\n    c\n\n  hint: d"


def test_a_message_can_always_be_printed_and_stored():
    text = str(BadInputError("Expected a name.", received=os.fsdecode(b"a\xff")))
    assert text.encode() == b"Expected a name.\n  Received: a\\udcff"


def test_each_kind_of_error_has_its_own_exit_code():
    kinds = (IbidError, UsageError, BadInputError, TemporaryError)
    assert [kind("").code for kind in kinds] == [1, 2, 3, 75]


def test_the_contract_needs_the_standard_library_only(tmp_path):
    """Without site-packages and without the environment, as in any image with Python."""
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from ibid.stage import contract
def run(inputs, output, params):
    (output / "done").touch()
assert contract.main(run, ["--in", "a=/tmp", "--out", {str(tmp_path)!r}]) == 0
foreign = {{n.partition(".")[0] for n in sys.modules}} - sys.stdlib_module_names - {{"ibid"}}
print(sorted(foreign - {{"__main__"}}))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-B", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert (tmp_path / "done").exists()


def keep(inputs, output, params, state):
    (output / "state").write_text(str(state))


@pytest.mark.parametrize("named", [["--state", "/kept"], []])
def test_a_stage_that_resumes_is_given_its_state_folder(tmp_path, monkeypatch, named):
    monkeypatch.setenv("STATE_FOLDER", "/told")
    argv = ["--in", f"a={tmp_path}", "--out", str(tmp_path / "out"), *named]
    assert main(keep, argv, resumes=True) == 0
    assert (tmp_path / "out" / "state").read_text() == (named[-1] if named else "/told")


def test_there_need_be_no_state_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_FOLDER", raising=False)
    assert main(keep, ["--in", f"a={tmp_path}", "--out", str(tmp_path)], resumes=True) == 0
    assert (tmp_path / "state").read_text() == "None"


def test_a_stage_that_does_not_resume_takes_no_state_folder(tmp_path, capsys):
    with pytest.raises(SystemExit) as refused:
        main(keep, ["--in", f"a={tmp_path}", "--out", str(tmp_path), "--state", "/kept"])
    assert refused.value.code == ExitCode.USAGE
    assert "--state" in capsys.readouterr().err
