"""A glob taken apart: its tree, and what follows from the tree alone.

It must not know of files: what matches is asked of a regular expression or of the automaton.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ibid.stage.contract import UsageError

UNBOUNDED = math.inf
NAME = "[^/]"
_TOKENS = re.compile(
    r"\*\*|[@?*+!]?\(|\*|\?|\[(?:\[:\^?\w+:\]|[!^]?(?:\[:\w+:\]|\\.|[^]\\[])+)\]|\\.|.", re.S
)
_RANGE = re.compile(r"(\\.|[^]\\])-(\\.|[^]\\])", re.S)
_CLASSES = {
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "A-Za-z0-9_",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that stand for themselves."""

    text: str


@dataclass(frozen=True, slots=True)
class One:
    """One character of a class, which is written as a regular expression's."""

    of: str


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of characters of a class."""

    of: str


@dataclass(slots=True)
class Choice:
    """One of several; `kind` is the sign before a round bracket, or `{`, which captures nothing.

    `anchored` belongs to `!`: whether what is excluded is a whole rest or any beginning of it.
    """

    kind: str
    options: list["Sequence"] = field(default_factory=lambda: [[]])
    anchored: bool = True


Node = Text | One | Many | Choice
Sequence = list[Node]


def parse(pattern: str) -> Sequence:
    """Take a glob apart; raises UsageError for a sign that is unknown or not complete."""
    root = Choice("{")
    open_brackets = [root]
    for piece in _TOKENS.findall(pattern):
        inner = open_brackets[-1]
        closer, separator = ("}", ",") if inner.kind == "{" else (")", "|")
        if piece == "{" or (piece.endswith("(") and not piece.startswith("\\")):
            open_brackets.append(Choice("{" if piece == "{" else piece[:-1]))
            inner.options[-1].append(open_brackets[-1])
        elif piece == closer and inner is not root:
            open_brackets.pop()
        elif piece == separator and inner is not root:
            inner.options.append([])
        else:
            inner.options[-1].append(_leaf(piece))
    if len(open_brackets) > 1:
        raise UsageError("Expected every bracket of a glob to be closed.", received=pattern)
    _anchor(root.options[0])
    return root.options[0]


def regex(tree: Sequence) -> str:
    """Write a tree as a regular expression that matches whole paths."""
    return "".join(_regex(node) for node in tree)


def slashes(tree: Sequence) -> float:
    """Count the slashes that a match has at most."""
    return sum(_slashes(node) for node in tree)


def stars(tree: Sequence) -> float:
    """Count the stars that share a name: what Python's matcher has to try against each other."""
    found = [_stars(node) for node in tree]
    crossing = any(isinstance(node, Many) and node.of == "." for node in walk(tree))
    if crossing or any(isinstance(node, Choice) for node in tree):
        return sum(found)
    most = here = 0.0
    for node, count in zip(tree, found, strict=True):
        ends = isinstance(node, Text) and "/" in node.text
        here = 0 if ends else here + count
        most = max(most, here)
    return most


def walk(tree: Sequence) -> Iterator[Node]:
    """List every node, left to right, a choice before what is in it."""
    for node in tree:
        yield node
        if isinstance(node, Choice):
            for option in node.options:
                yield from walk(option)


def _leaf(piece: str) -> Node:
    if piece in ("[", "\\"):
        raise UsageError("Expected a glob whose every sign is known and complete.", received=piece)
    if piece == "**":
        return Many(".")
    if piece == "*":
        return Many(NAME)
    if piece == "?":
        return One(NAME)
    if piece.startswith("["):
        return One(_class(piece))
    return Text(piece.removeprefix("\\") or piece)


def _class(piece: str) -> str:
    """Translate `[…]`: a named class, one range, or a list of characters."""
    inside = piece[1:-1]
    sign = "^" if inside[0] in "!^" else ""
    inside = inside[len(sign) :]
    if named := re.fullmatch(r"\[:(\^?)(\w+):\]", inside):
        if named[2] not in _CLASSES:
            raise UsageError(f"Expected one of {', '.join(_CLASSES)}.", received=piece)
        return f"[{'^' if sign != named[1] else ''}{_CLASSES[named[2]]}]"
    # Pachyderm's lexer takes a range for the whole of it, or a list without named classes.
    if "[:" in inside or (_RANGE.match(inside) and not _RANGE.fullmatch(inside)):
        raise UsageError("Expected a list, one range, or one class in [].", received=piece)
    listed = re.sub(
        r"\\(.)|([^\w-])",
        lambda found: re.escape(found[1] or found[2]),
        inside,
        flags=re.S,
    )
    return f"[{sign}{listed}]"


def _anchor(tree: Sequence) -> None:
    """Settle what `!(a)` excludes, as ohmyglob does.

    Where text or a star follows its end anywhere, whatever begins like `a`; else `a` alone. The
    first of them to end settles it for all.
    """
    order = [*_ends(tree)]
    first = next((place for place, node in enumerate(order) if isinstance(node, Choice)), None)
    if first is not None:
        bounded = any(isinstance(node, Text | Many) for node in order[first:])
        for node in order:
            if isinstance(node, Choice):
                node.anchored = not bounded


def _ends(tree: Sequence) -> Iterator[Node]:
    """List the nodes in the order in which they end; of the choices only those that exclude."""
    for node in tree:
        if isinstance(node, Choice):
            for option in node.options:
                yield from _ends(option)
            if node.kind == "!":
                yield node
        else:
            yield node


def _regex(node: Node) -> str:
    if isinstance(node, Text):
        return re.escape(node.text)
    if isinstance(node, One):
        return node.of
    if isinstance(node, Many):
        return f"{node.of}*"
    end = r"\Z" if node.kind == "!" and node.anchored else ""
    options = "|".join(regex(option) + end for option in node.options)
    if node.kind == "{":
        return f"(?:{options})"
    if node.kind == "!":
        return f"((?!{options}){NAME}*)"
    return f"((?:{options}){node.kind.strip('@')})"


def _slashes(node: Node) -> float:
    if isinstance(node, Text):
        return node.text.count("/")
    if isinstance(node, One):
        return 1 if re.match(node.of, "/") else 0
    if isinstance(node, Many):
        return UNBOUNDED if node.of == "." else 0
    most = max(slashes(option) for option in node.options)
    if node.kind == "!":
        return 0
    return UNBOUNDED if most and node.kind in ("*", "+") else most


def _stars(node: Node) -> float:
    if isinstance(node, Choice):
        inner = sum(_stars(each) for option in node.options for each in option)
        return UNBOUNDED if node.kind in ("*", "+") else inner + (node.kind == "!")
    return 1 if isinstance(node, Many) else 0
