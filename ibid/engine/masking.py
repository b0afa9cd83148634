"""Keeps the values of secrets out of what is written down: logs, messages, outputs.

It knows values, not what they are for. What a stage makes of a value, such as its base64, is
another text and is not seen.
"""

import json
import os
import re
import select
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

MASK = b"***"
CHUNK = 1 << 16
PIPE = 1 << 20  # bytes that a pipe holds at most
POLL_SECONDS = 0.2
LINE = 8  # of a value of several lines, a line of so many characters is masked by itself


class Mask:
    """What must not be seen, and what stands in its place."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        spellings = {spelt.encode() for value in values for spelt in _spellings(value)}
        # The longest first: one value may begin like another.
        self.hidden = sorted(spellings, key=lambda hidden: (-len(hidden), hidden))
        self._longest = max((len(hidden) for hidden in self.hidden), default=1)
        self._pattern = re.compile(b"|".join(re.escape(hidden) for hidden in self.hidden))

    def __bool__(self) -> bool:
        return bool(self.hidden)

    def text(self, text: str) -> str:
        """Mask a text."""
        return self.apply(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")

    def apply(self, data: bytes) -> bytes:
        """Mask bytes."""
        return self._pattern.sub(MASK, data) if self.hidden else data

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """Mask bytes that go on: returns what can be shown, and an end that may begin a value."""
        shown: list[bytes] = []
        at = 0
        while True:
            begun = self._begun(data, at)
            found = self._pattern.search(data, at) if self.hidden else None
            if found is None or found.start() >= begun:
                return b"".join([*shown, data[at:begun]]), data[begun:]
            shown += [data[at : found.start()], MASK]
            at = found.end()

    def _begun(self, data: bytes, at: int) -> int:
        """Find where the end of the data is the beginning of a value."""
        for start in range(max(at, len(data) - self._longest + 1), len(data)):
            if any(h.startswith(data[start:]) and len(h) > len(data) - start for h in self.hidden):
                return start
        return len(data)

    def is_in(self, path: Path) -> bool:
        """Tell whether a file holds a value, wherever the reads of it may fall."""
        overlap, before = self._longest - 1, b""
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                data = before + chunk
                if self.hidden and self._pattern.search(data):
                    return True
                before = data[-overlap:] if overlap else b""
        return False


class MaskedLog:
    """A pipe for what a process prints; a thread copies it to the log, masked.

    Not the log itself: whoever opens /dev/stdout anew could cut off what is there. `error` is what
    kept something from being written; it is lost then, and the process goes on.
    """

    def __init__(self, log: Path, mask: Mask) -> None:
        self._mask, self._held = mask, b""
        self.error: OSError | None = None
        self._log = log.open("ab", buffering=0)
        self._reading, self.fileno = os.pipe()
        os.set_blocking(self._reading, False)
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def started(self) -> None:
        """Let go of the end that the process writes to: its last holder's end is the log's."""
        os.close(self.fileno)

    def drain(self) -> None:
        """Write everything printed so far to the log, but for what may begin a value."""
        with self._lock:
            self._take_all()

    def close(self) -> None:
        """Write what is left, and end; whoever escaped the process's group prints to nobody."""
        with self._lock:
            if self._closed:
                return
            self._take_all()
            self._closed = True
            self._write(self._mask.apply(self._held))
        self._thread.join()
        os.close(self._reading)
        self._log.close()

    def _copy(self) -> None:
        while not self._closed:
            ready, _, _ = select.select([self._reading], [], [], POLL_SECONDS)
            with self._lock:
                if ready and not self._closed and not self._take():
                    return

    def _take_all(self) -> None:
        """Take what the pipe holds; no more, since a process may print for ever."""
        for _ in range(PIPE // CHUNK):
            if self._closed or not self._take():
                return

    def _take(self) -> bool:
        """Take one chunk; returns whether there may be more, now or later."""
        try:
            chunk = os.read(self._reading, CHUNK)
        except BlockingIOError:  # it was taken meanwhile
            return True
        shown, self._held = self._mask.split(self._held + chunk)
        self._write(shown)
        return bool(chunk)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._log.write(data) :]
        except OSError as error:  # the pipe has to be read on, or the process would stand still
            error.filename = error.filename or self._log.name
            self.error = self.error or error


def _spellings(value: str) -> Iterator[str]:
    """List how a value may be printed: as it is, line by line, quoted by Python or JSON."""
    told = value.strip()
    yield told
    yield json.dumps(told)[1:-1]
    yield repr(told)[1:-1]
    for line in told.splitlines():
        if len(line.strip()) >= LINE:
            yield line.strip()
