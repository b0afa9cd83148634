"""A glob's matcher whose work is bounded: no state is entered twice at one place of a path.

Python's own goes back over every repeat, and nested ones, as in `*(*(a)b)`, cost it exponential
time. This one tries in the same order, so that it captures the same, but remembers what has failed:
a path costs at most its length times the size of the glob.
"""

import re
from dataclasses import dataclass, field

from ibid.spec.globtree import NAME, Choice, Many, One, Sequence, Text


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction: what it does, with which character class or group, and where it goes on."""

    kind: str
    of: re.Pattern[str] | None = None
    number: int = 0
    to: tuple[int, ...] = ()
    inner: "Automaton | None" = None


@dataclass(slots=True)
class _Writing:
    steps: list[_Step] = field(default_factory=list)
    groups: int = 0


class Automaton:
    """A glob as instructions; `tried` is the number of states that the last match entered."""

    def __init__(self, tree: Sequence, *, whole: bool = True) -> None:
        self.tried = 0
        writing = _Writing()
        _write(writing, tree)
        self.steps = [*writing.steps, _Step("end" if whole else "done")]
        self.groups = writing.groups

    def match(self, path: str, start: int = 0) -> tuple[str, ...] | None:
        """Return the captured groups if the path matches from `start` on, else None."""
        seen: set[tuple[int, int]] = set()
        todo: list[tuple[int, int, tuple[int, ...]]] = [(0, start, (-1,) * (2 * self.groups))]
        while todo:
            number, at, saved = todo.pop()
            if (number, at) in seen:
                continue
            seen.add((number, at))
            self.tried = len(seen)
            step = self.steps[number]
            if step.kind == "done" or (step.kind == "end" and at == len(path)):
                return tuple(
                    path[saved[n] : saved[n + 1]] if saved[n + 1] >= 0 else ""
                    for n in range(0, len(saved), 2)
                )
            if step.kind == "one" and step.of and step.of.match(path, at):
                todo.append((number + 1, at + 1, saved))
            elif step.kind == "save":
                kept = (*saved[: step.number], at, *saved[step.number + 1 :])
                todo.append((number + 1, at, kept))
            elif step.kind == "go":
                todo += [(number + offset, at, saved) for offset in reversed(step.to)]
            elif step.kind == "not" and step.inner and step.inner.match(path, at) is None:
                todo.append((number + 1, at, saved))
        return None


def _write(writing: _Writing, tree: Sequence) -> None:
    steps = writing.steps
    for node in tree:
        if isinstance(node, Text):
            steps += [_one(re.escape(character)) for character in node.text]
        elif isinstance(node, One):
            steps.append(_one(node.of))
        elif isinstance(node, Many):
            steps += [_go(1, 3), _one(node.of), _go(-2)]
        elif node.kind == "{":
            _write_options(writing, node)
        else:
            _write_capture(writing, node)


def _write_capture(writing: _Writing, node: Choice) -> None:
    place, writing.groups = 2 * writing.groups, writing.groups + 1
    writing.steps.append(_Step("save", number=place))
    if node.kind == "!":
        _write_excluding(writing, node)
    else:
        _write_repeated(writing, node)
    writing.steps.append(_Step("save", number=place + 1))


def _write_excluding(writing: _Writing, node: Choice) -> None:
    for option in node.options:
        inner = Automaton(option, whole=node.anchored)
        writing.groups += inner.groups  # they are counted, and never hold anything
        writing.steps.append(_Step("not", inner=inner))
    writing.steps += [_go(1, 3), _one(NAME), _go(-2)]


def _write_repeated(writing: _Writing, node: Choice) -> None:
    steps, start = writing.steps, len(writing.steps)
    if node.kind in ("?", "*"):
        steps.append(_go())
    _write_options(writing, node)
    if node.kind == "*":
        steps.append(_go(start - len(steps)))
    elif node.kind == "+":
        steps.append(_go(start - len(steps), 1))
    if node.kind in ("?", "*"):
        steps[start] = _go(1, len(steps) - start)


def _write_options(writing: _Writing, node: Choice) -> None:
    """Write the options one after the other, each but the last with a way past the others."""
    steps, ends = writing.steps, []
    for option in node.options[:-1]:
        fork = len(steps)
        steps.append(_go())
        _write(writing, option)
        ends.append(len(steps))
        steps.append(_go())
        steps[fork] = _go(1, len(steps) - fork)
    _write(writing, node.options[-1])
    for end in ends:
        steps[end] = _go(len(steps) - end)


def _one(of: str) -> _Step:
    return _Step("one", of=re.compile(of, re.S))


def _go(*to: int) -> _Step:
    return _Step("go", to=to)
