"""Globs as Pachyderm's: what matches, and what its capture groups held.

`*` and `?` stay within one name, `**` crosses them; `[ab]`, `[!ab]`, `{a,b}` and `@(a|b)` as in a
shell; `(…)` captures for `group_by` and `join_on`. `/` is the whole repo.
"""

import re
from dataclasses import dataclass

from ibid.stage.contract import UsageError

_TOKENS = re.compile(r"\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|\{|\}|[@?*+!]\(|\(|\)|\||,|\\.|.", re.S)
_PLAIN = {"**": ".*", "*": "[^/]*", "?": "[^/]", "}": ")"}
_REPEATS = {"@(": "", "?(": "?", "*(": "*", "+(": "+"}


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled glob."""

    pattern: str
    regex: re.Pattern[str]

    @property
    def depth(self) -> int | None:
        """How many names a match has; None where `**` makes it any number."""
        if "**" in self.pattern:
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
    pattern = pattern if pattern == "/" else pattern.rstrip("/")
    closers: list[str] = []
    out: list[str] = []
    for piece in _TOKENS.findall(pattern):
        out.append(_translate(piece, closers))
    try:
        if closers:
            raise UsageError("Expected every bracket of a glob to be closed.", received=pattern)
        return Glob(pattern, re.compile("".join(out), re.S))
    except re.error as error:
        raise UsageError("Expected a glob as Pachyderm's.", received=pattern) from error


def _translate(piece: str, closers: list[str]) -> str:
    """Translate one piece to a regular expression, keeping the brackets that are open."""
    if piece in _REPEATS:
        closers.append(f"){_REPEATS[piece]}")
        return "(?:"
    if piece == "(":
        closers.append(")")
        return "("
    if piece == "{":
        closers.append("}")
        return "(?:"
    if piece in (")", "}") and closers:
        closer = closers.pop()
        return ")" if closer == "}" else closer
    if piece in ("|", ",") and closers:
        return "|" if (piece == ",") == (closers[-1] == "}") else re.escape(piece)
    if piece.startswith("[") and len(piece) > 1:
        return piece.replace("[!", "[^", 1)
    if piece.startswith("\\"):
        return re.escape(piece[1:])
    return _PLAIN.get(piece, re.escape(piece))
