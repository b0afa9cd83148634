"""Confine, then start the stage: told what by the engine, and telling it how the stage ended.

Where the kernel refuses a part, the engine is told which, and the stage starts without it. Lines go
to the engine: `weaker PART REASON`, `refused REASON` if there is nothing to start, `status NUMBER`.

The imports are the cheap ones, since this is paid at every start of a stage: typing alone would
take longer than everything that the kernel does, and signal imports enum where _signal does not.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import _socket
import fcntl
import marshal
import os
import struct

from ibid.engine.confine import kernel, mounts, reaper, seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_SET_FLAGS, _UP = 0x8914, 1


def main(control: int) -> NoReturn:
    """Run the stage that the engine describes, to its end and that of all it has started."""
    os.set_inheritable(control, False)
    _Launcher(control, _receive(control)).run()
    os._exit(0)


class _Launcher:
    """`plan` is what `ibid.engine.process` makes of a sandbox."""

    def __init__(self, control: int, plan: dict[str, Any]) -> None:
        self._control, self._plan = control, plan
        self._weaker: set[str] = set()
        self._child = 0
        # Opened as the one who runs the engine: below there are other users and read-only mounts.
        self._group = os.open(plan["group"], os.O_WRONLY) if plan["group"] else None

    def run(self) -> None:
        """Start the stage, wait for its end, and end what it has left."""
        signal.signal(signal.SIGTERM, self._end)
        self._die_with_engine()
        self._leave_namespaces()
        if "processes" not in self._weaker:
            ours, theirs = os.pipe()  # open as long as this process lives
            self._child = reaper.fork(lambda: self._init(ours, theirs))
            os.close(ours)
            reaper.wait_for(self._child)  # it returns when all in the namespace are dead
            return
        self._try("processes", kernel.adopt_orphans)
        self._child = reaper.fork(self._become)
        status = reaper.wait_for(self._child)
        reaper.sweep()
        self._say(f"status {status}")

    def _end(self, _number: int, _frame: object) -> None:
        """End what is below, with its first process the namespace; `run` then comes to its end."""
        if not self._child:
            os._exit(1)
        reaper.kill([self._child] if "processes" not in self._weaker else reaper.below())

    def _die_with_engine(self) -> None:
        self._try("processes", kernel.die_with_parent, signal.SIGTERM)
        if os.getppid() != self._plan["parent"]:
            os._exit(1)

    def _leave_namespaces(self) -> None:
        plan = self._plan
        if self._try("files", self._unshare_mounts):
            folders = (plan[name] for name in ("readable", "writable", "protected", "hidden"))
            self._try("files", mounts.confine, *folders)
        self._try("ipc", kernel.unshare, kernel.IPC)
        self._try("processes", kernel.unshare, kernel.PROCESSES)
        if not plan["network"] and self._try("network", kernel.unshare, kernel.NETWORK):
            _bring_loopback_up()

    def _unshare_mounts(self) -> None:
        """Get a mount namespace; who has no right to one first gets a user namespace."""
        try:
            kernel.unshare(kernel.MOUNTS)
        except PermissionError:
            # Tried by another first: some systems give a user namespace and no rights in it, and
            # whoever is in it then cannot go back.
            if reaper.wait_for(reaper.fork(_try_user_namespace)):
                raise
            _enter_user_namespace()
            self._die_with_engine()  # the kernel has forgotten it

    def _init(self, ours: int, theirs: int) -> NoReturn:
        """Be the first process of the namespace: when it ends, the kernel ends all others."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        kernel.die_with_parent(signal.SIGKILL)
        os.close(theirs)
        os.set_blocking(ours, False)
        try:
            os.read(ours, 1)
            os._exit(1)  # the end of the pipe: the launcher has ended before we could hear of it
        except BlockingIOError:
            os.close(ours)
        if "files" in self._weaker:
            self._say("weaker proc it would be mounted for everybody")
        else:
            flags = kernel.NO_SUID | kernel.NO_DEVICES | kernel.NO_EXEC | kernel.READ_ONLY
            self._try("proc", kernel.mount, "proc", "/proc", "proc", flags)
        status = reaper.wait_for(reaper.fork(self._become))
        self._say(f"status {status}")
        os._exit(0)

    def _become(self) -> NoReturn:
        """Turn into the stage."""
        plan = self._plan
        self._try("processes", kernel.die_with_parent, signal.SIGKILL)
        for kind in (signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(kind, signal.SIG_DFL)
        os.setsid()  # a stage that signals its own group reaches nobody else
        if self._group is not None:
            os.write(self._group, b"0")
        self._try("privileges", kernel.drop_privileges, () if os.geteuid() else kernel.KEPT)
        self._try("namespaces", seccomp.refuse_namespaces)
        try:
            os.chdir(plan["cwd"])
            command, environment = plan["command"], plan["environment"]
            os.execvpe(command[0], command, environment)  # noqa: S606 - what we are for
        except OSError as error:
            self._say(f"refused {error.strerror}")
        os._exit(127)

    def _try(self, part: str, what: Callable[..., None], *arguments: object) -> bool:
        """Do something that a kernel may refuse; tells the engine if it does."""
        try:
            what(*arguments)
        except OSError as error:
            self._weaker.add(part)
            self._say(f"weaker {part} {error.strerror}")
            return False
        return True

    def _say(self, line: str) -> None:
        os.write(self._control, f"{line}\n".encode())


def _enter_user_namespace() -> None:
    """Become the owner of a user namespace in which there is nobody else, and of its mounts."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.USERS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    kernel.unshare(kernel.MOUNTS)


def _try_user_namespace() -> NoReturn:
    _enter_user_namespace()
    os._exit(0)


def _receive(control: int) -> dict[str, Any]:
    """Read the plan; marshal, since json costs as much to import as all the rest."""
    (size,) = struct.unpack("!I", os.read(control, 4))
    data = b""
    while len(data) < size and (more := os.read(control, size - len(data))):
        data += more
    plan: dict[str, Any] = marshal.loads(data)  # noqa: S302 - the engine wrote it
    return plan


def _bring_loopback_up() -> None:
    """Let a stage's own processes talk on 127.0.0.1, as a notebook and its kernel do."""
    interface = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    fcntl.ioctl(interface.fileno(), _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
    interface.close()
