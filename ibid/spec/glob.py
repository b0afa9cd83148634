"""Globs as Pachyderm's: what matches, and what its capture groups held.

`*` and `?` stay within one name, `**` crosses them; `[ab]`, `[!ab]`, `[a-c]`, `[[:alpha:]]` and
`{a,b}` as in a shell. Every round bracket captures, for `group_by` and `join_on`: `(a|b)` and
`@(a|b)` one of them, `?(a|b)`, `*(a|b)` and `+(a|b)` so many, `!(a|b)` none. `/` is the whole repo.
The rules are those of Pachyderm's library ohmyglob.
"""

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property

from ibid.spec.automaton import Automaton
from ibid.spec.globtree import UNBOUNDED, Sequence, parse, regex, slashes, stars
from ibid.stage.contract import UsageError

_REFERENCE = re.compile(r"\$(?:(\d+)|\{(\d+)\})")
# Python's matcher goes back over every star: with two in a name that is quickly done.
_MOST_STARS = 2


@dataclass(frozen=True)
class Glob:
    """A compiled glob."""

    pattern: str
    tree: Sequence

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """What Python's matcher is given where its work is bounded."""
        return re.compile(regex(self.tree), re.S)

    @cached_property
    def automaton(self) -> Automaton | None:
        """What matches instead where Python's matcher might go back for ever."""
        return Automaton(self.tree) if stars(self.tree) > _MOST_STARS else None

    @cached_property
    def depth(self) -> int | None:
        """How many names a match has at most; None where that is any number."""
        most = slashes(self.tree)
        return None if most == UNBOUNDED else 0 if self.pattern == "/" else int(most)

    def match(self, path: str) -> tuple[str, ...] | None:
        """Return the captured groups if the path (`/a/b`) matches, else None."""
        if path == "/":  # only `/` itself is the whole: Pachyderm gives every other glob ""
            return () if self.pattern == "/" else None
        if self.automaton is not None:
            return self.automaton.match(path)
        found = self.regex.fullmatch(path)
        return None if found is None else tuple(group or "" for group in found.groups())


def compile_glob(pattern: str) -> Glob:
    """Compile a glob; raises UsageError if it is not one."""
    if not pattern:
        raise UsageError("Expected a glob.", received="''")
    # As Pachyderm's CleanPath: no slash at the end, one in front.
    cleaned = "/" + posixpath.normpath(pattern).strip("/")
    cleaned = "/" if cleaned == "/." else cleaned
    tree = parse(cleaned)
    try:
        re.compile(regex(tree))
    except re.error as error:
        raise UsageError("Expected a glob as Pachyderm's.", received=pattern) from error
    return Glob(cleaned, tree)


def refuse_dangling(glob: Glob, **templates: str | None) -> None:
    """Refuse a `group_by` or `join_on` that names a bracket which the glob does not have."""
    held = glob.regex.groups
    for name, template in templates.items():
        for found in _REFERENCE.finditer(template or ""):
            if not 1 <= int(found[1] or found[2]) <= held:
                raise UsageError(
                    f"Expected {name} to name round brackets of the glob {glob.pattern}, which has "
                    f"{held or 'none'}.",
                    received=found[0],
                )


def replace(template: str, groups: tuple[str, ...]) -> str:
    """Fill `$1` or `${1}` of a `group_by` or `join_on` with what a glob captured."""
    if "$" not in template:
        return template

    def value(found: re.Match[str]) -> str:
        number = int(found[1] or found[2])
        return groups[number - 1] if 1 <= number <= len(groups) else found[0]

    return _REFERENCE.sub(value, template)
