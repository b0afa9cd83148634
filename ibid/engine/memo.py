"""What was worked out from files, kept for as long as those files are as they were.

Only to be quick: all of it can be worked out again, and the folder may be removed at any time. It
does not know what it keeps.
"""

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibid.spec.preimage import digest

# A file that was changed a moment ago may change again without its time of change telling.
SETTLED_NS = 2_000_000_000

Seen = tuple[Any, Iterable[Path]]


@dataclass(frozen=True, slots=True)
class Memo:
    """A folder of answers, each with the files and folders that it was read from."""

    folder: Path

    def recall(self, question: list[Any], work_out: Callable[[], Seen]) -> Any:
        """Answer as before if nothing that was looked at has changed; else work it out.

        Args:
            question: JSON values that tell this answer from every other.
            work_out: returns the answer, a JSON value, and every path that it was read from:
                files, the folders that were searched, and what was missing there.
        """
        path = self.folder / f"{digest('memo', question)}.json"
        kept = _read(path)
        if kept and _as_it_was(kept["seen"]):
            return kept["answer"]
        began = time.time_ns()
        answer, seen = work_out()
        stamps = {str(each): _stamp(str(each)) for each in seen}
        if all(stamp is None or stamp[0] < began - SETTLED_NS for stamp in stamps.values()):
            # It exists only to be quick: a full disk must not fail a command that needs no room.
            with contextlib.suppress(OSError):
                self._keep(path, {"answer": answer, "seen": stamps})
        return answer

    def _keep(self, path: Path, value: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / uuid.uuid4().hex
        temporary.write_text(json.dumps(value))
        temporary.rename(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):  # never kept, or lost its bytes in a power cut
        return None
    return kept


def _as_it_was(seen: dict[str, list[int] | None]) -> bool:
    return all(_stamp(name) == stamp for name, stamp in seen.items())


def _stamp(path: str) -> list[int] | None:
    """Tell one state of a path from every other; a change of content moves its time of change."""
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of them for one answer
    except (FileNotFoundError, NotADirectoryError):
        return None
    return [found.st_ctime_ns, found.st_size, found.st_ino]
