"""Imported by the guard for a verify: turns or holds what a result must not depend on.

`listing`: the order of a folder's entries; `clock`: a moment that stands still; `random`: what
sources of chance give; `serial`: threads that take turns. Each holds for what Python asks for.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

DAY = 86400.0


def apply(told: str) -> None:
    """Bring about what the engine asks for, as JSON."""
    asked = json.loads(told)
    if "listing" in asked:
        _list_in_order(asked["listing"])
    if "random" in asked:
        _hold_chance(asked["random"])
    if "clock" in asked:
        _hold_clock(asked["clock"])
    if asked.get("serial"):
        sys.setswitchinterval(1000)  # a thread goes on until it waits for something
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class _Entries(list[Any]):
    """What `os.scandir` returns: an iterator that is closed."""

    def __next__(self) -> Any:
        if not self:
            raise StopIteration
        return self.pop(0)

    def __iter__(self) -> _Entries:
        return self

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    close = list.clear


def _list_in_order(order: str) -> None:
    listdir, scandir = os.listdir, os.scandir

    def arrange(entries: list[Any], key: Any) -> list[Any]:
        if order == "reversed":
            return entries[::-1]
        return sorted(entries, key=key, reverse=order == "descending")

    def listed(path: Any = ".") -> list[Any]:
        return arrange(listdir(path), None)

    def scanned(path: Any = ".") -> _Entries:
        with scandir(path) as found:
            return _Entries(arrange([*found], lambda entry: entry.name))

    os.listdir, os.scandir = listed, scanned  # type: ignore[assignment]


def _hold_chance(seed: int) -> None:
    import random

    stream, fill = random.Random(seed), random.Random.seed  # noqa: S311 - it is to be foreseen

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        fill(self, stream.getrandbits(64) if a is None else a, version)

    os.urandom = stream.randbytes
    setattr(random, "_urandom", stream.randbytes)  # noqa: B010 - SystemRandom's, which mypy misses
    random.Random.seed = seeded  # type: ignore[method-assign]
    random.seed(seed)


def _hold_clock(moment: float) -> None:
    import datetime
    import time

    began = time.time()

    def held(seconds: float | None = None) -> float:
        """Take any moment of today, such as a new file's, for the one that is held."""
        return moment if seconds is None or abs(seconds - began) < DAY else seconds

    class Metaclass(type):
        """Lets what C code makes pass for the same class."""

        def __instancecheck__(cls, other: object) -> bool:
            return isinstance(other, cls.__mro__[1])

    class Datetime(datetime.datetime, metaclass=Metaclass):
        """`datetime` whose now is the moment that is held."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(moment, tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.utcfromtimestamp(moment)

        @classmethod
        def fromtimestamp(cls, timestamp: float, tz: Any = None) -> Any:
            return super().fromtimestamp(held(timestamp), tz)

    class Date(datetime.date, metaclass=Metaclass):
        """`date` whose today is the day that is held."""

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(moment)

    def on_held(function: Any) -> Any:
        return lambda seconds=None: function(held(seconds))

    localtime, strftime = time.localtime, time.strftime
    vars(time).update(
        time=held,
        time_ns=lambda: int(moment * 1e9),
        localtime=on_held(localtime),
        gmtime=on_held(time.gmtime),
        ctime=on_held(time.ctime),
        strftime=lambda form, t=None: strftime(form, localtime(moment) if t is None else t),
    )
    vars(datetime).update(datetime=Datetime, date=Date)
