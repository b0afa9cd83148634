"""A second process that stores files for the first: Python does one thing at a time.

It is asked in lines of JSON and answers in them; it ends with its input, however the first process
ends. What it cannot do it leaves to who asked, and so to their words about it.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ibid.spec.preimage import Digest
from ibid.stage.contract import IbidError
from ibid.store.objects import Objects

WORTH = 2000  # files in one folder: starting another Python takes as long as some hundred of them
_ROOT = Path(__file__).parents[2]
_START = f"import sys; sys.path.append({str(_ROOT)!r}); import ibid.store.assistant as a; a.main()"

Stored = tuple[Digest, int]


class Assistant:
    """The first process's end."""

    def __init__(self, objects: Objects) -> None:
        objects.hold()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START, str(objects.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def ask(self, paths: Sequence[str]) -> None:
        """Ask for files to be stored; `answer` waits for it."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):  # it has ended: there will be no answer
                print(json.dumps(paths), file=self._process.stdin, flush=True)

    def answer(self) -> list[Stored] | None:
        """Return digest and size of each file, or None if it was not able to store them all."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        found = json.loads(line) if line else None
        return [(Digest(digest), size) for digest, size in found] if found is not None else None

    def close(self) -> None:
        """Let it end."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


@contextlib.contextmanager
def assisted(objects: Objects, files: int) -> Iterator[Assistant | None]:
    """Start an assistant where there is work for one and a core for it to run on."""
    if files < WORTH or len(os.sched_getaffinity(0)) < 2:
        yield None
        return
    with contextlib.closing(Assistant(objects)) as assistant:
        yield assistant


def main() -> None:
    """Be the second process: store what is asked for until nobody asks any more."""
    with contextlib.closing(Objects(Path(sys.argv[1]))) as objects:
        for line in sys.stdin:
            try:
                stored = [objects.put_file(path) for path in json.loads(line)]
            except (OSError, IbidError):  # who asked tries it too, and says what is wrong
                stored = None
            print(json.dumps(stored), flush=True)
