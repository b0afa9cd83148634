"""A stage as a process: started from its code tree alone, in a scratch folder, told its datums.

Knows commands, folders and exit codes; it does not know what a commit is.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from ibid.engine.masking import MaskedLog
from ibid.engine.secrets import Secrets
from ibid.spec.spec import Spec
from ibid.stage.contract import ExitCode
from ibid.stage.worker import SOCKET

GUARD = Path(__file__).parent / "guard"
MODULES = "IBID_MODULES"  # read by the guard
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one execution ended; `own` if the stage itself said so, not the engine that ended it."""

    code: int
    error: str
    own: bool = False


class Worker:
    """One worker of a job: a process for each datum, or one for many when the spec batches.

    Not shared between threads, but for `kill`.
    """

    def __init__(
        self,
        spec: Spec,
        modules: Collection[str],
        code: Path,
        folder: Path,
        log: Path,
        secrets: Secrets | None = None,
    ) -> None:
        self._spec, self._modules, self._code, self._folder = spec, modules, code, folder
        self._secrets = secrets or Secrets()
        self._masked: MaskedLog | None = None
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: IO[str] | None = None
        self._killed = False
        log.parent.mkdir(parents=True, exist_ok=True)

    def run(self, pfs: Path, variables: Mapping[str, str]) -> Outcome:
        """Execute one datum.

        Args:
            pfs: the folder that stands for `/pfs`, inputs in place.
            variables: what Pachyderm would tell this datum by environment variables.
        """
        try:
            if not self._spec.batching:
                self._start(pfs, variables)
                return self._wait()
            if self._process is None:
                self._start_batch(pfs)
        except OSError as error:
            return Outcome(ExitCode.BUG, f"cannot start {self._spec.cmd[0]}: {error}")
        return self._next(pfs, variables)

    def log_size(self) -> int:
        """Return how many bytes of log there are."""
        if self._masked and self._process and self._process.poll() is None:
            self._masked.drain()
        elif self._masked:
            self._masked.close()
        return self.log.stat().st_size if self.log.exists() else 0

    def close(self) -> None:
        """End the process, and whatever it has left running."""
        process, self._process = self._process, None
        if self._lines is not None:
            with contextlib.suppress(OSError):  # it is gone already: nothing more to tell it
                self._hear()  # it asks for one more
                self._say({})
                self._lines.close()
            self._lines = None
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
        if process is not None:
            kill_group(process)
        if self._masked:
            self._masked.close()
            self._masked = None

    def beside(self, spec: Spec) -> "Worker":
        """Return a worker for another command over the same datum, with the same log."""
        folder = self._folder.with_name(f"{self._folder.name}-{spec.cmd[0].replace('/', '_')}")
        return Worker(spec, self._modules, self._code, folder, self.log, self._secrets)

    def kill(self) -> None:
        """End the process now; from any thread."""
        self._killed = True
        if process := self._process:
            kill_group(process)

    def _start(self, pfs: Path, variables: Mapping[str, str], fds: tuple[int, ...] = ()) -> None:
        for inner in ("home", "tmp", "work"):  # what one process leaves there, no other finds
            shutil.rmtree(self._folder / inner, ignore_errors=True)
            (self._folder / inner).mkdir(parents=True)
        stdin = "".join(f"{line}\n" for line in self._spec.stdin).encode()
        given = self._secrets.lay_out(self._folder / "secrets")
        with self._printed() as log:
            self._process = subprocess.Popen(
                self._spec.cmd,
                cwd=self._folder / "work",
                env={
                    **stage_environment(self._spec, self._modules, self._code, self._folder, pfs),
                    **given,
                    **variables,
                },
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=fds,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        if stdin and self._process.stdin:
            with contextlib.suppress(BrokenPipeError):  # a command may end without reading it all
                self._process.stdin.write(stdin)
                self._process.stdin.close()

    @contextlib.contextmanager
    def _printed(self) -> Iterator[int]:
        """Open what the process prints to: the log itself, or where there are secrets a mask."""
        if not self._secrets.mask:
            with self.log.open("ab") as log:
                yield log.fileno()
            return
        if self._masked:
            self._masked.close()
        self._masked = MaskedLog(self.log, self._secrets.mask)
        try:
            yield self._masked.fileno
        finally:
            self._masked.started()

    def _start_batch(self, pfs: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._start(pfs, {SOCKET: str(theirs.fileno())}, (theirs.fileno(),))
        ours.settimeout(self._spec.timeout)
        self._lines = ours.makefile("rw", encoding="utf-8", newline="\n")
        ours.close()  # the file keeps it open

    def _next(self, pfs: Path, variables: Mapping[str, str]) -> Outcome:
        try:
            if self._hear().get("next"):
                self._say({"pfs": str(pfs), "env": dict(variables)})
                answer = self._hear()
                if "exit" in answer:
                    return Outcome(int(answer["exit"]), str(answer["error"]), own=True)
        except TimeoutError:
            if self._process is not None:
                kill_group(self._process)
            self.close()
            return self._timed_out()
        except OSError:  # it closed its end: the exit code below says why
            pass
        outcome = self._wait()
        self.close()
        return outcome

    def _wait(self) -> Outcome:
        process = self._process
        if process is None:
            return Outcome(ExitCode.BUG, "the process was ended")
        try:
            code = process.wait(self._spec.timeout)
        except subprocess.TimeoutExpired:
            kill_group(process)
            return self._timed_out()
        kill_group(process)
        if self._killed:
            return Outcome(ExitCode.BUG, "stopped")
        if code < 0:
            return Outcome(128 - code, f"ended by {signal.Signals(-code).name}")
        if code == 0 and self._spec.batching:
            return Outcome(ExitCode.BUG, "ended before it had reported its datum")
        return Outcome(code, f"exit code {code}" if code else "", own=True)

    def _timed_out(self) -> Outcome:
        return Outcome(ExitCode.BUG, f"took longer than datum_timeout, {self._spec.timeout:g} s")

    def _say(self, message: dict[str, object]) -> None:
        if self._lines is not None:
            self._lines.write(json.dumps(message) + "\n")
            self._lines.flush()

    def _hear(self) -> dict[str, str | int]:
        line = self._lines.readline() if self._lines else ""
        answer: dict[str, str | int] = json.loads(line) if line else {}
        return answer


def recovery(spec: Spec) -> Spec:
    """Return the spec of a spec's `err_cmd`: a process of its own for each datum."""
    return replace(spec, cmd=spec.err_cmd, stdin=spec.err_stdin, batching=False)


def stage_environment(
    spec: Spec, modules: Collection[str], code: Path, folder: Path, pfs: Path
) -> dict[str, str]:
    """Build a stage's whole environment anew: nothing of the caller's reaches it."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join([str(GUARD), str(code)]),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PFS_ROOT": str(pfs),
        MODULES: ",".join(sorted(modules)),
        **spec.env,
    }


def start_group(
    command: Sequence[str], cwd: Path, variables: Mapping[str, str], **more: Any
) -> "subprocess.Popen[bytes]":
    """Start a command at the head of a process group of its own, which dies with this thread."""
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(variables),
        start_new_session=True,
        preexec_fn=_die_with_parent,
        **more,
    )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process and what it has started, and take its exit code."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
