"""The home folder: where a store's objects, its one database, its logs and its scratch are."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from ibid.store.commits import Store
from ibid.store.database import Database
from ibid.store.disk import named
from ibid.store.locks import LOG, Say, StoreLock
from ibid.store.objects import Objects

LOOK_SECONDS = 0.02


class Waiting(Protocol):
    """Called once, when somebody else holds the lock."""

    def __call__(self, holder: str) -> None:
        """Tell who holds it."""


@dataclass(frozen=True, slots=True)
class Home:
    """`.ibid/`, or what `IBID_HOME` names."""

    path: Path

    @property
    def scratch(self) -> Path:
        """Folders that stages run in; nothing in it outlives a run."""
        return self.path / "scratch"

    @property
    def logs(self) -> Path:
        """What stages printed, a folder a job."""
        return self.path / "logs"

    def logs_of(self, pipeline: str, job: str) -> Path:
        """Where the datums of a job print to."""
        return self.logs / f"{pipeline}@{job}"

    @property
    def memo(self) -> Path:
        """What was worked out from files: it may be removed at any time."""
        return self.path / "memo"

    @property
    def state(self) -> Path:
        """What stages keep to go on from, a folder a datum; it may be removed at any time."""
        return self.path / "state"

    @property
    def deployed(self) -> Path:
        """Where the local deployment puts an accepted release."""
        return self.path / "deployed"

    @property
    def quarantine(self) -> Path:
        """Where damaged objects are kept, each by the digest that it should have."""
        return self.path / "quarantine"

    def open(self, project: str, say: Say = LOG) -> Store:
        """Open the store, making it if there is none.

        `say` is told what people should know: that the store was migrated, for whom it waits.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        return Store(
            Objects(self.path / "objects"),
            Database(self.path / "ibid.db", say),
            project,
            StoreLock(self.path, say),
        )

    @contextlib.contextmanager
    def run_lock_if_free(self) -> Iterator[bool]:
        """Hold the right to run, for a moment, if nobody else does; yields whether it is held."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "run.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                lock.truncate(0)  # whoever wrote there has ended
                yield True

    @contextlib.contextmanager
    def run_lock(self, waiting: Waiting) -> Iterator[None]:
        """Hold the one right to run: wait for it if another process has it.

        The kernel drops the lock when its holder ends, however it ends.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "run.lock").open("a+") as lock:
            _wait_for(lock, waiting)
            with named(Path(lock.name)):
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
            yield


def _wait_for(lock: TextIO, waiting: Waiting) -> None:
    """Get the lock. Who holds it for long says who it is; who only looks does not, for a moment."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            lock.seek(0)
            if holder := lock.read().strip():
                waiting(f"process {holder}")
                fcntl.flock(lock, fcntl.LOCK_EX)
                return
            time.sleep(LOOK_SECONDS)
