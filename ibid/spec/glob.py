"""Globs as Pachyderm's: what matches, and what its capture groups held.

`*` and `?` stay within one name, `**` crosses them; `[ab]`, `[!ab]` and `{a,b}` as in a shell.
Every round bracket captures, for `group_by` and `join_on`: `(a|b)` and `@(a|b)` one of them,
`?(a|b)`, `*(a|b)` and `+(a|b)` so many. `/` is the whole repo. The rules, and what captures, are
those of Pachyderm's library ohmyglob; its `!(a|b)` and `[[:alpha:]]` are refused here.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from ibid.stage.contract import UsageError

_TOKENS = re.compile(r"\*\*|[@?*+!]?\(|\*|\?|\[[!^]?(?:\\.|[^]\\])+]|\\.|.", re.S)
_PLAIN = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
_REPEATS = {"(": "", "@(": "", "?(": "?", "*(": "*", "+(": "+"}


class _Bracket(NamedTuple):
    """An open bracket: what closes it, what separates in it, how its regular expression ends."""

    closer: str
    separator: str
    regex: str


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled glob."""

    pattern: str
    regex: re.Pattern[str]

    @property
    def depth(self) -> int | None:
        """How many names a match has at most; None where `**` or a repeat makes it any number."""
        if any(repeat in self.pattern for repeat in ("**", "*(", "+(")):
            return None
        return 0 if self.pattern == "/" else self.pattern.count("/")

    def match(self, path: str) -> tuple[str, ...] | None:
        """Return the captured groups if the path (`/a/b`) matches, else None."""
        found = self.regex.fullmatch(path)
        return None if found is None else tuple(group or "" for group in found.groups())


def compile_glob(pattern: str) -> Glob:
    """Compile a glob; raises UsageError if it is not one."""
    if not pattern.startswith("/"):
        raise UsageError("Expected a glob that begins with '/'.", received=pattern)
    pattern = pattern.rstrip("/") or "/"
    open_brackets: list[_Bracket] = []
    out = [_translate(piece, open_brackets) for piece in _TOKENS.findall(pattern)]
    if open_brackets:
        raise UsageError("Expected every bracket of a glob to be closed.", received=pattern)
    try:
        return Glob(pattern, re.compile("".join(out), re.S))
    except re.error as error:
        raise UsageError("Expected a glob as Pachyderm's.", received=pattern) from error


def _translate(piece: str, open_brackets: list[_Bracket]) -> str:
    """Translate one piece to a regular expression."""
    if piece in _REPEATS:
        open_brackets.append(_Bracket(")", "|", f"){_REPEATS[piece]})"))
        return "((?:"
    if piece == "{":
        open_brackets.append(_Bracket("}", ",", ")"))
        return "(?:"
    if open_brackets and piece == open_brackets[-1].closer:
        return open_brackets.pop().regex
    if open_brackets and piece == open_brackets[-1].separator:
        return "|"
    if piece in ("[", "!(", "\\") or piece.startswith("[["):
        raise UsageError("Expected a glob whose every sign is known and complete.", received=piece)
    if piece.startswith("["):
        return _one_of(piece[1:-1])
    if piece.startswith("\\"):
        return re.escape(piece[1:])
    return _PLAIN.get(piece, re.escape(piece))


def _one_of(listed: str) -> str:
    """Translate the inside of `[…]`; all but `-` stands for itself."""
    sign = "^" if listed[0] in "!^" else ""
    characters = re.sub(
        r"\\(.)|([^\w-])",
        lambda found: re.escape(found[1] or found[2]),
        listed[len(sign) :],
        flags=re.S,
    )
    return f"[{sign}{characters}]"
