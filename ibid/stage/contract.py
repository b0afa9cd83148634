"""What a stage and whoever starts it agree on: inputs, output, parameters, exit codes.

Standard library only, so that any image with Python can hold a stage. By default a stage reads
`/pfs/<input>` and writes `/pfs/out`, as in a Pachyderm worker; `PFS_ROOT` moves `/pfs`, and
`--in NAME=PATH` with `--out PATH` names each folder (Kubeflow, a debugger). A stage that can go on
where it was ended has `--state PATH` as well, or `STATE_FOLDER`: a folder that outlives it.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any

STATE = "STATE_FOLDER"
Inputs = Mapping[str, Path]
Params = Mapping[str, Any]


class ExitCode(IntEnum):
    """How a stage, or `ibid` itself, ended. Only TEMPORARY is worth another try."""

    DONE = 0
    BUG = 1
    USAGE = 2
    BAD_INPUT = 3
    GATE_REFUSED = 4
    NOT_REPRODUCIBLE = 5
    TEMPORARY = 75


class IbidError(Exception):
    """The one root of the errors that users see.

    The message says what was expected, `received` what came, `hint` the command that mends it.
    """

    code = ExitCode.BUG

    def __init__(self, message: str, *, received: object = None, hint: str | None = None) -> None:
        self.message, self.received, self.hint = message, received, hint
        super().__init__(message)

    def __str__(self) -> str:
        text = self.message
        if self.received is not None:
            lines = str(self.received).splitlines() or ["''"]
            text += f"\n  Received: {lines[0]}" if len(lines) == 1 else "\n  Received:"
            text += "".join(f"\n    {line}" for line in lines if len(lines) > 1)
        if self.hint is not None:
            text += f"\n\n  hint: {self.hint}"
        return printable(text)


def printable(text: str) -> str:
    """Escape what is not text: bytes of a name that are not UTF-8, and control characters."""
    escaped = "".join(c if c >= " " or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
    return escaped.encode(errors="backslashreplace").decode()


def one_line(name: str) -> str:
    """Write a name for people so that it neither breaks a line nor steers a terminal."""
    return printable(name).replace("\n", "\\n").replace("\t", "\\t")


class UsageError(IbidError):
    """The command or the spec is wrong; nothing was run."""

    code = ExitCode.USAGE


class BadInputError(IbidError):
    """The data or the parameters cannot be used as they are; trying again will not help."""

    code = ExitCode.BAD_INPUT


class TemporaryError(IbidError):
    """Something outside failed that may well work the next time."""

    code = ExitCode.TEMPORARY


# One that resumes takes `state` too, a folder or None.
Run = Callable[..., ExitCode | None]


def read_params(inputs: Inputs) -> dict[str, Any]:
    """Read the one JSON file of the input `params`; without such an input there are none.

    Raises BadInputError if the input holds no JSON file, several, or one that is not an object.
    """
    if "params" not in inputs:
        return {}
    folder = inputs["params"]
    files = [folder] if folder.is_file() else sorted(folder.glob("*.json"))
    if len(files) != 1:
        raise BadInputError(
            f"Expected one JSON file of parameters in {folder}.",
            received=", ".join(file.name for file in files) or "none",
            hint="ibid params --commit",
        )
    try:
        params = json.loads(files[0].read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError(f"Expected JSON in {files[0].name}.", received=error) from error
    if not isinstance(params, dict):
        raise BadInputError(
            f"Expected a JSON object in {files[0].name}.", received=type(params).__name__
        )
    return params


def pfs_inputs(root: Path) -> dict[str, Path]:
    """List the inputs under a `/pfs`: every entry but `out`; raises UsageError without one."""
    if not root.is_dir():
        raise UsageError(
            f"Expected the folders of a datum in {root}.",
            received="no such folder",
            hint="--in NAME=PATH --out PATH, or set PFS_ROOT",
        )
    return {
        entry.name: entry
        for entry in sorted(root.iterdir())
        if entry.name != "out" and not entry.name.startswith(".")
    }


def main(run: Run, argv: Sequence[str] | None = None, *, resumes: bool = False) -> int:
    """Run a stage over the datums that its command line or its launcher gives it.

    With `resumes`, the stage is also given its state folder. Returns the exit code. In a batch
    every datum's failure is told to the launcher and the next datum is asked for, so that one bad
    datum does not cost the others.
    """
    from ibid.stage import worker  # it imports this module

    parser = argparse.ArgumentParser(description=sys.modules[run.__module__].__doc__)
    parser.add_argument("--in", dest="inputs", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--out", type=Path, metavar="PATH")
    if resumes:
        told = os.environ.get(STATE)
        parser.add_argument("--state", type=Path, metavar="PATH", default=told and Path(told))
    args = parser.parse_args(argv)
    if bool(args.inputs) != bool(args.out) or any("=" not in item for item in args.inputs):
        parser.error("--in NAME=PATH and --out PATH go together")
    if resumes:
        run = partial(run, state=args.state)
    if args.inputs:
        named = dict(item.split("=", 1) for item in args.inputs)
        if len(named) != len(args.inputs):
            parser.error("--in: each NAME once")
        return attempt(run, {name: Path(path) for name, path in named.items()}, args.out)[0]
    link = worker.connect()
    if link is None:
        return attempt_pfs(run, Path(os.environ.get("PFS_ROOT", "/pfs")))[0]
    for pfs in link.datums():
        link.report(*attempt_pfs(run, pfs))
    return ExitCode.DONE


def attempt_pfs(run: Run, pfs: Path) -> tuple[int, str]:
    """Run a stage once in the folder that stands for `/pfs`, as `attempt`."""
    return _guarded(lambda: _once(run, pfs_inputs(pfs), pfs / "out"))


def attempt(run: Run, inputs: Inputs, output: Path) -> tuple[int, str]:
    """Run a stage once; returns its exit code and, where it failed, why."""
    return _guarded(lambda: _once(run, inputs, output))


def _once(run: Run, inputs: Inputs, output: Path) -> int:
    from ibid.stage import determinism, witness

    output.mkdir(parents=True, exist_ok=True)
    params = read_params(inputs)
    determinism.enter(params)
    code = int(run(inputs, output, params) or ExitCode.DONE)
    witness.write()
    return code


def _guarded(work: Callable[[], int]) -> tuple[int, str]:
    """Turn what a stage raises into an exit code and the reason."""
    try:
        return work(), ""
    except MemoryError as error:
        print(f"out of memory: {error}", file=sys.stderr, flush=True)
        return int(ExitCode.TEMPORARY), "out of memory"
    except IbidError as error:
        print(error, file=sys.stderr, flush=True)
        return int(error.code), str(error)
    except Exception as error:  # a border: a bug becomes an exit code, its trace is in the log
        traceback.print_exc()
        return int(ExitCode.BUG), printable(f"{type(error).__name__}: {error}")
