"""A stage as a tree of processes under its launcher: started, listened to, ended.

Knows commands, folders and exit codes; it does not know what a datum is.
"""

import contextlib
import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

from ibid.engine import testimony
from ibid.engine.sandbox import Sandbox
from ibid.spec.spec import Spec
from ibid.stage import witness

GUARD = Path(__file__).parent / "guard"
MODULES = "IBID_MODULES"  # read by the guard
_LAUNCHER = Path(__file__).parent / "confine" / "__main__.py"
LINE = 1 << 20  # bytes
_END_SECONDS = 5.0


class Lines:
    """Lines of text over a socket, read as they come."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._data = b""
        self.ended = False

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def send(self, line: str) -> None:
        """Send a line; raises OSError if nobody is there to read it."""
        self._socket.sendall(line.encode() + b"\n")

    def receive(self) -> None:
        """Take what has come; for when there is something, or the other end is closed."""
        try:
            more = self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionResetError:
            more = b""
        self.ended = not more
        self._data += more

    def take(self) -> bytes | None:
        """Return the next whole line, if there is one."""
        line, end, rest = self._data.partition(b"\n")
        if not end:
            return None
        self._data = rest
        return line

    @property
    def begun(self) -> bytes:
        """What there is of a line that has not ended."""
        return self._data

    @property
    def overlong(self) -> bool:
        """Whether a line goes on for longer than any that has something to say."""
        return len(self._data) > LINE

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


class Process:
    """A command in a sandbox, and whatever it starts.

    `weaker` says which parts of the sandbox the kernel refused, and why; `status` is that of
    `waitpid` once the command has ended, None as long as it is not known.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        command: Sequence[str],
        variables: Mapping[str, str],
        *,
        stdin: IO[bytes] | None = None,
        log: int | None = None,
        group: Path | None = None,
        fds: Sequence[int] = (),
        umask: int = -1,
    ) -> None:
        self.weaker: dict[str, str] = {}
        self._command = command[0]
        self._refused = ""
        self.status: int | None = None
        ours, theirs = socket.socketpair()
        self._control = Lines(ours)
        with theirs:
            self._launcher = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LAUNCHER), str(theirs.fileno())],
                cwd="/",
                env={},
                stdin=stdin or subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(), *fds),
                start_new_session=True,
                umask=umask,
            )
        plan = marshal.dumps(
            {
                "parent": os.getpid(),
                "command": list(command),
                "environment": dict(variables),
                "cwd": str(sandbox.cwd),
                "readable": [str(path) for path in sandbox.readable],
                "writable": [str(path) for path in sandbox.writable],
                "protected": [str(path) for path in sandbox.protected],
                "hidden": [str(path) for path in sandbox.hidden],
                "network": sandbox.network,
                "group": group and str(group),
            }
        )
        with contextlib.suppress(OSError):  # it has ended already: `listen` will hear of that
            ours.sendall(struct.pack("!I", len(plan)) + plan)

    @property
    def pid(self) -> int:
        """The launcher's; the stage and all that it starts are below it."""
        return self._launcher.pid

    @property
    def ended(self) -> bool:
        """Whether the command has ended, or could not be started."""
        return self._control.ended or bool(self._refused) or self.status is not None

    def listen(self, other: Lines | None, seconds: float | None) -> None:
        """Wait until this process or another line has something to say, or the time is over."""
        lines = [self._control] if other is None or other.ended else [self._control, other]
        poll = select.poll()
        for line in lines:
            poll.register(line.fileno(), select.POLLIN)
        ready = {number for number, _ in poll.poll(None if seconds is None else seconds * 1000)}
        for line in lines:
            if line.fileno() in ready:
                line.receive()
        while (told := self._control.take()) is not None:
            self._take(told.decode(errors="replace"))

    def wait(self, weaker: Callable[[str, str], None] = lambda _part, _reason: None) -> None:
        """Wait until the command has ended; `weaker` is told parts and reasons as they come."""
        told = 0
        while not self.ended:
            self.listen(None, None)
            for part, reason in [*self.weaker.items()][told:]:
                weaker(part, reason)
            told = len(self.weaker)

    def end(self) -> None:
        """End the command and all that it has started; they are gone when this returns.

        From any thread. The launcher is asked, since it alone can wait for what it has started.
        """
        if not self.ended:
            self._launcher.terminate()
        try:
            self._launcher.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()

    def close(self) -> None:
        """End it, and let go of it."""
        self.end()
        self._control.close()

    def describe(self) -> tuple[int, str]:
        """Say how the command ended: an exit code and, if that was not its own, the reason."""
        if self._refused:
            return 1, f"cannot start {self._command}: {self._refused}"
        if self.status is None:
            return 1, "its launcher was ended, or failed; the log may say why"
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            name = next((kind.name for kind in signal.Signals if kind == number), str(number))
            return 128 + number, f"ended by {name}"
        return os.WEXITSTATUS(self.status), ""

    def _take(self, told: str) -> None:
        kind, _, rest = told.partition(" ")
        match kind:
            case "weaker":
                part, _, reason = rest.partition(" ")
                self.weaker[part] = reason
            case "refused":
                self._refused = rest
            case "status":
                self.status = int(rest)


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
        witness.FOLDER: str(folder / testimony.FOLDER),
        **spec.env,
    }
