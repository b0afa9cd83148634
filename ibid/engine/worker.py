"""One worker of a job: it takes datums one after the other, in one process or one each.

It knows time limits and exit codes; it does not know what a commit is.
"""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ibid.engine import group, scratch
from ibid.engine.bounds import Bounds, Overrun
from ibid.engine.group import Group
from ibid.engine.limits import Limits
from ibid.engine.masking import MaskedLog
from ibid.engine.place import SECRETS, Place
from ibid.engine.process import Lines, Process, stage_environment
from ibid.engine.sandbox import OWN
from ibid.engine.setting import USUAL, Setting
from ibid.spec.spec import Spec
from ibid.stage.contract import ExitCode, IbidError, printable
from ibid.stage.worker import SOCKET
from ibid.store.disk import explain

_CLOSE_SECONDS = 5.0
_MOST = 255  # of the codes that a process may end with


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one execution ended; `own` if the stage itself said so, not the engine that ended it."""

    code: int
    error: str
    own: bool = False


class Worker:
    """A process for each datum, or one for many when the spec batches.

    `weaker` is told each part of the sandbox that the kernel refused, and why. Not shared between
    threads, but for `kill`.
    """

    def __init__(
        self,
        spec: Spec,
        place: Place,
        weaker: Callable[[str, str], None],
        setting: Setting = USUAL,
    ) -> None:
        self.place, self.log = place, place.log
        self._spec, self._weaker, self._setting = spec, weaker, setting
        self._printed: MaskedLog | None = None
        self._process: Process | None = None
        self._group: Group | None = None
        self._datums: Lines | None = None
        self._killed = False
        self.log.parent.mkdir(parents=True, exist_ok=True)

    def run(
        self, variables: Mapping[str, str], until: float | None, state: Path | None = None
    ) -> Outcome:
        """Execute the datum that is laid out.

        Args:
            variables: what Pachyderm would tell this datum by environment variables.
            until: when the job's time is over, by the monotonic clock.
            state: the datum's own folder that outlives it; not for a batch.
        """
        kept = (state,) if state else ()
        limits = Limits(self._spec, (*self._written(), *kept), self.log)
        watch = Bounds(self._spec, limits, until)
        try:
            if self._process is None:
                self._start(variables, kept)
            outcome = self._converse(variables, watch) or self._ending(watch)
        except Overrun as overrun:
            outcome = Outcome(ExitCode.BUG, str(overrun))
        except IbidError as refused:
            outcome = Outcome(int(refused.code), str(refused))
        except OSError as failed:
            error = explain(failed)
            outcome = Outcome(int(error.code), str(error))
        printed = self._printed
        if not outcome.own or (self._process and self._process.ended):
            self._drop()
        return self._told(outcome, printed)

    def _told(self, outcome: Outcome, printed: MaskedLog | None) -> Outcome:
        """Fail a datum of whose log something is lost."""
        if printed and not printed.error:
            printed.drain()
        if not printed or not printed.error:
            return outcome
        self._drop()
        lost = explain(printed.error)
        return Outcome(int(lost.code), f"{outcome.error}\n{lost}".strip())

    def log_size(self) -> int:
        """Return how many bytes of log there are."""
        if self._printed:
            self._printed.drain()
        return self.log.stat().st_size if self.log.exists() else 0

    def close(self) -> None:
        """Let the process end, and end whatever it has left running."""
        process, datums = self._process, self._datums
        if process and datums and not self._killed:
            with contextlib.suppress(OSError):  # it is gone already: nothing more to tell it
                datums.send("{}")  # it asks for one more
            until = time.monotonic() + _CLOSE_SECONDS
            while not process.ended and (left := until - time.monotonic()) > 0:
                process.listen(None, left)
        self._drop()

    def kill(self) -> None:
        """End the process now; from any thread."""
        self._killed = True
        if process := self._process:
            process.end()

    def _written(self) -> tuple[Path, ...]:
        return (self.place.pfs / "out", *(self.place.folder / name for name in OWN))

    def _start(self, variables: Mapping[str, str], kept: tuple[Path, ...]) -> None:
        place, spec = self.place, self._spec
        sandbox = replace(place.sandbox, writable=(*place.sandbox.writable, *kept))
        for name in OWN:  # what one process leaves there, no other finds
            scratch.empty(place.folder / name)
        told = {
            **stage_environment(spec, place.modules, place.code, place.folder, place.pfs),
            **place.secrets.lay_out(place.folder / SECRETS),
            **variables,
            **self._setting.variables,
        }
        self._group = self._make_group()
        stdin = place.folder / "stdin"
        stdin.write_text("".join(f"{line}\n" for line in spec.stdin))
        with contextlib.ExitStack() as opened:
            fds: list[int] = []
            if spec.batching:
                ours, theirs = socket.socketpair()
                opened.enter_context(theirs)
                self._datums = Lines(ours)
                fds = [theirs.fileno()]
                told[SOCKET] = str(theirs.fileno())
            self._printed = MaskedLog(self.log, place.secrets.mask)
            opened.callback(self._printed.started)
            given = opened.enter_context(stdin.open("rb"))
            procs = self._group.procs if self._group else None
            log = self._printed.fileno
            try:
                self._process = Process(
                    sandbox,
                    (*self._setting.prefix, *spec.cmd),
                    told,
                    stdin=given,
                    log=log,
                    group=procs,
                    fds=fds,
                    umask=self._setting.umask,
                )
            except OSError as error:
                raise Overrun(f"cannot start {spec.cmd[0]}: {error}") from error
        if self._killed:  # somebody did while it was being started
            self._process.end()

    def _make_group(self) -> Group | None:
        if self._spec.memory_limit is None:
            return None
        try:
            return group.make(self.place.group, self._spec.memory_limit)
        except OSError as error:
            self._weaker("memory", str(error))
            return None

    def _converse(self, variables: Mapping[str, str], watch: Bounds) -> Outcome | None:
        """Give a datum to a process that batches; None if it ended instead of answering."""
        if self._datums is None:
            return None
        try:
            if self._hear(watch).get("next"):
                self._datums.send(json.dumps({"pfs": str(self.place.pfs), "env": dict(variables)}))
                answer = self._hear(watch)
                if "exit" in answer:
                    self._look(watch, last=True)
                    return Outcome(answer["exit"], printable(answer.get("error", "")), own=True)
        except OSError:  # it closed its end: the exit code says why
            pass
        return None

    def _hear(self, watch: Bounds) -> dict[str, Any]:
        """Wait for what a process that batches says next; nothing if it ended instead."""
        while self._process and self._datums:
            if (line := self._datums.take()) is not None:
                return _answer(line)
            if self._datums.overlong:
                raise _no_answer(self._datums.begun)
            if self._process.ended or self._datums.ended:
                break
            self._listen(watch)
        return {}

    def _ending(self, watch: Bounds) -> Outcome:
        """Wait until the process has ended, and say how."""
        process = self._process
        while process and not process.ended:
            self._listen(watch)
        if process is None or self._killed:
            return Outcome(ExitCode.BUG, "stopped")
        process.end()
        code, error = process.describe()
        self._look(watch, last=True)
        if error:
            return Outcome(code, error)
        if code == 0 and self._spec.batching:
            return Outcome(ExitCode.BUG, "ended before it had reported its datum")
        return Outcome(code, f"exit code {code}" if code else "", own=True)

    def _listen(self, watch: Bounds) -> None:
        if self._process:
            self._process.listen(self._datums, watch.pause())
            self._look(watch)

    def _look(self, watch: Bounds, *, last: bool = False) -> None:
        """Look whether the process has kept to its limits; raises Overrun if not."""
        if self._process:
            for part, reason in self._process.weaker.items():
                self._weaker(part, reason)
            watch.look(self._process.pid, self._group, last=last)

    def _drop(self) -> None:
        if self._process:
            self._process.close()
        if self._datums:
            self._datums.close()
        if self._group:
            self._group.remove()
        if self._printed:
            self._printed.close()
        self._process = self._datums = self._group = self._printed = None


def recovery(spec: Spec) -> Spec:
    """Return the spec of a spec's `err_cmd`: a process of its own for each datum."""
    return replace(spec, cmd=spec.err_cmd, stdin=spec.err_stdin, batching=False)


def _answer(line: bytes) -> dict[str, Any]:
    """Read what a process that batches says; foreign code may say anything."""
    try:
        answer: dict[str, Any] = {} | json.loads(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_answer(line) from error
    code, text = answer.get("exit", 0), answer.get("error", "")
    if type(code) is not int or not 0 <= code <= _MOST or not isinstance(text, str):
        raise _no_answer(line)
    return answer


def _no_answer(line: bytes) -> Overrun:
    told = line[:100].decode(errors="backslashreplace")
    return Overrun(f"gave no answer of a stage that batches: {told!r}")
