"""Processes that do tasks, one at a time each; when each ends changes no answer.

A process is kept for the next task, because to start one takes as long as some trials. One that is
ended from outside costs its task another try in a new one. It does not know what a task is.
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from ibid.stage.contract import ExitCode, IbidError, TemporaryError

TRIES = 3

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Work = Callable[[Task], Answer]


class LostError(IbidError):
    """A process ended by itself, without an answer: a bug."""

    code = ExitCode.BUG


@dataclass(frozen=True, slots=True, eq=False)
class _Hand:
    """A process, and the way to it."""

    process: SpawnProcess
    link: Connection


class Crew(Generic[Task, Answer]):
    """At most `size` processes, started when there is work for them; to be entered.

    `prepare` is called once in each of them, and returns what does a task; it has to be importable.
    """

    def __init__(self, prepare: Callable[[], Work[Task, Answer]], size: int) -> None:
        self._prepare, self._size = prepare, size
        self._hands: list[_Hand] = []
        self._free: list[_Hand] = []
        self._new = multiprocessing.get_context("spawn")  # a fork would inherit threads' locks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hand in [*self._hands]:
            self._dismiss(hand)

    def work(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Answer]]:
        """Do tasks.

        Yields:
            Each with its answer, in whatever order they end.

        Raises:
            IbidError: what a task, or `prepare`, raised.
            TemporaryError: the process of one was ended from outside each time.
            LostError: that of one ended by itself.
        """
        waiting, ended = deque(range(len(tasks))), Counter[int]()
        at: dict[Connection, tuple[_Hand, int]] = {}
        while waiting or at:
            while waiting and len(at) < self._size:
                hand, number = self._free.pop() if self._free else self._start(), waiting.popleft()
                at[hand.link] = hand, number
                with suppress(ConnectionError):  # it has ended: who waits for it will see that
                    hand.link.send(tasks[number])
            for link in wait([*at]):
                hand, number = at.pop(cast(Connection, link))
                try:
                    answer = hand.link.recv()
                except (EOFError, ConnectionError):
                    ended[number] += 1
                    self._lost(hand, tasks[number], ended[number])
                    waiting.appendleft(number)
                    continue
                if isinstance(answer, IbidError):
                    raise answer
                self._free.append(hand)
                yield tasks[number], answer

    def _start(self) -> _Hand:
        ours, theirs = self._new.Pipe()
        process = self._new.Process(target=_serve, args=(theirs, self._prepare), daemon=True)
        process.start()
        theirs.close()  # else its end would not be seen
        self._hands.append(_Hand(process, ours))
        return self._hands[-1]

    def _lost(self, hand: _Hand, task: Task, times: int) -> None:
        """Let go of a process that has ended; raises IbidError if that was once too often."""
        hand.process.join()
        code = hand.process.exitcode or 0
        self._dismiss(hand)
        if code >= 0:
            raise LostError(
                f"Expected an answer to {task}.",
                received=f"its process ended with {code}; the log says why",
            )
        if times == TRIES:
            raise TemporaryError(
                f"Expected an answer to {task}.",
                received=f"its process was ended by signal {-code}, {times} times",
                hint="fewer at once take less memory: ibid params tune.parallel=1 --commit",
            )
        print(f"{task}: its process was ended by signal {-code}; trying again", flush=True)

    def _dismiss(self, hand: _Hand) -> None:
        self._hands.remove(hand)
        hand.process.kill()
        hand.process.join()
        hand.link.close()


def _serve(link: Connection, prepare: Callable[[], Work[Task, Answer]]) -> None:
    """Do tasks until nobody wants more."""
    work = None
    try:
        while True:
            task = link.recv()
            try:
                work = work or prepare()
                answer: object = work(task)
            except IbidError as error:
                answer = error
            except MemoryError as error:
                answer = TemporaryError(f"Expected memory enough for {task}.", received=error)
            link.send(answer)
    except (EOFError, ConnectionError):  # the crew's process has ended
        return
