"""Datum batching: many small datums through one process, so that Python is started once a worker.

The launcher leaves a connected Unix socket open and names its number in `DATUM_SOCKET`. The stage
asks for a datum, gets the folder that stands for `/pfs`, runs, reports its exit code, asks again.
This is Pachyderm's NextDatum; the words are lines of JSON, so that it needs no library. In a
Pachyderm worker the same calls go to NextDatum itself, through pachyderm-sdk.
"""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

SOCKET = "DATUM_SOCKET"
BATCHING = "DATUM_BATCHING"
PACHYDERM_PORT = "PPS_WORKER_GRPC_PORT"


class Link(Protocol):
    """A stage's way to its next datum."""

    def datums(self) -> Iterator[Path]:
        """Ask for datums until there are no more; each is the folder that stands for `/pfs`."""

    def report(self, code: int, error: str) -> None:
        """Tell how the datum at hand ended."""


class SocketLink:
    """The stage's end of the embedded engine's socket."""

    def __init__(self, fileno: int) -> None:
        self._socket = socket.socket(fileno=fileno)
        self._socket.set_inheritable(False)  # a child that outlives us must not hold it open
        self._told: set[str] = set()
        self._lines = self._socket.makefile("rw", encoding="utf-8", newline="\n")

    def datums(self) -> Iterator[Path]:
        """Ask for datums until there are no more; each is the folder that stands for `/pfs`."""
        while True:
            self._say({"next": True})
            answer = json.loads(self._lines.readline() or "{}")
            if "pfs" not in answer:
                return
            told: dict[str, str] = answer.get("env", {})
            for name in self._told - {*told}:  # of the datum before: not every one has the same
                os.environ.pop(name, None)
            self._told = {*told}
            os.environ.update(told)
            yield Path(answer["pfs"])

    def report(self, code: int, error: str) -> None:
        """Tell how the datum at hand ended."""
        self._say({"exit": code, "error": error})

    def _say(self, message: dict[str, object]) -> None:
        self._lines.write(json.dumps(message) + "\n")
        self._lines.flush()


class PachydermLink:
    """NextDatum of the Pachyderm worker, which swaps the contents of `/pfs` between two calls."""

    def __init__(self) -> None:
        from pachyderm_sdk import Client

        self._worker = Client().worker
        self._error = ""

    def datums(self) -> Iterator[Path]:
        """Ask for datums for ever: the worker ends this process when there are no more."""
        while True:
            self._worker.next_datum(error=self._error)
            self._error = ""
            yield Path(os.environ.get("PFS_ROOT", "/pfs"))

    def report(self, code: int, error: str) -> None:
        """Keep the failure: Pachyderm is told of it with the next call."""
        self._error = error or (f"exit code {code}" if code else "")


def connect() -> Link | None:
    """Return the link to the launcher, or None when this process is for one datum only."""
    number = os.environ.pop(SOCKET, None)
    if number is not None:
        return SocketLink(int(number))
    if os.environ.get(BATCHING) == "true" and PACHYDERM_PORT in os.environ:
        return PachydermLink()
    return None
