"""One folder as objects: a list of its entries, or a trie of such lists where there are many.

A folder of a million names is a few thousand small objects, so that one more name costs a few of
them, and no more than one list is in memory while they are made. The shape is a function of the
names alone: more than LEAF of them are parted by the SHA-256 of the name, one hex digit a level,
until no part has more. It does not know what is below an entry.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ibid.spec.preimage import Digest, digest_bytes, is_digest, preimage
from ibid.stage.contract import BadInputError
from ibid.store.objects import Objects

FILE, FOLDER = "file", "folder"
LEAF = 256
_PARTS = "tree-parts"
_TAGS = {"ibid/tree/1": False, f"ibid/{_PARTS}/1": True}
# It becomes a part of a path, and may come from elsewhere: none that leads out of its folder.
_NAME = re.compile(r"(?!\.{1,2}\Z)[^/\0\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; `size` is the bytes of the file, or of all files below."""

    name: str
    kind: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class _Part:
    """The names of a folder whose SHA-256 goes on with `digit`: how many, and where they are."""

    digit: str
    digest: Digest
    size: int
    count: int


def encode(entries: Iterable[Entry]) -> bytes:
    """Return the bytes of a list of entries, which are the pre-image of its digest."""
    ordered = sorted(entries, key=lambda entry: entry.name.encode())
    return preimage("tree", [[e.kind, e.name, e.digest, e.size] for e in ordered])


EMPTY = digest_bytes(encode(()))


class Folders:
    """Folders, kept among the objects."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def write(self, entries: Iterable[Entry]) -> Entry:
        """Store a folder; returns it as an entry without a name. Empty folders are left out."""
        by_name = {entry.name: entry for entry in entries}
        return self.build([*by_name], lambda names: [by_name[name] for name in names])

    def build(
        self, names: Sequence[str], make: Callable[[Sequence[str]], Iterable[Entry]]
    ) -> Entry:
        """Store a folder whose entries are made for LEAF names at a time; returns it as `write`."""
        return _folder(self._build(names, make, 0))

    def update(self, digest: Digest, changes: Mapping[str, Entry | None]) -> Entry:
        """Store a folder that differs from another by some entries; None takes a name away."""
        return _folder(self._update(digest, changes, 0))

    def read(self, digest: Digest) -> list[Entry]:
        """List the entries of a folder, sorted by name."""
        return sorted(self._entries(digest), key=lambda entry: entry.name.encode())

    def find(self, digest: Digest, name: str) -> Entry | None:
        """Look up one name."""
        for digit in _digits(name):
            entries, parts = self._load(digest)
            if not parts:
                return next((entry for entry in entries if entry.name == name), None)
            digest = next((part.digest for part in parts if part.digit == digit), EMPTY)
        return None

    def compare(self, old: Digest, new: Digest) -> Iterator[tuple[str, Entry | None, Entry | None]]:
        """List the names that two folders differ in, as (name, entry there, entry here), unsorted.

        What they share is not read.
        """
        if old == new:
            return
        there, here = ({p.digit: p.digest for p in self._load(each)[1]} for each in (old, new))
        if there and here:
            for digit in there | here:
                yield from self.compare(there.get(digit, EMPTY), here.get(digit, EMPTY))
            return
        before, after = ({e.name: e for e in self._entries(digest)} for digest in (old, new))
        for name in before | after:
            if before.get(name) != after.get(name):
                yield name, before.get(name), after.get(name)

    def below(self, digest: Digest) -> tuple[list[Digest], list[Digest]]:
        """List what one object of a folder points to: files, then folders and parts of this one."""
        entries, parts = self._load(digest)
        folders = [entry.digest for entry in entries if entry.kind == FOLDER]
        files = [entry.digest for entry in entries if entry.kind == FILE]
        return files, folders + [part.digest for part in parts]

    def _build(
        self, names: Sequence[str], make: Callable[[Sequence[str]], Iterable[Entry]], depth: int
    ) -> _Part:
        if len(names) <= LEAF:
            return self._list(make(names))
        return self._join(
            replace(self._build(some, make, depth + 1), digit=digit)
            for digit, some in _parted(names, depth).items()
        )

    def _update(self, digest: Digest, changes: Mapping[str, Entry | None], depth: int) -> _Part:
        entries, parts = self._load(digest)
        if not parts:
            changed = {**{entry.name: entry for entry in entries}, **changes}
            kept = {name: entry for name, entry in changed.items() if entry is not None}
            return self._build([*kept], lambda names: [kept[name] for name in names], depth)
        by_digit = {part.digit: part for part in parts}
        for digit, names in _parted(changes, depth).items():
            before = by_digit[digit].digest if digit in by_digit else EMPTY
            some = {name: changes[name] for name in names}
            by_digit[digit] = replace(self._update(before, some, depth + 1), digit=digit)
        return self._join(by_digit.values())

    def _join(self, parts: Iterable[_Part]) -> _Part:
        """Store parts as one folder: a list again if they are few."""
        parts = sorted((part for part in parts if part.count), key=lambda part: part.digit)
        count = sum(part.count for part in parts)
        if count <= LEAF:
            return self._list(entry for part in parts for entry in self._entries(part.digest))
        rows = [[part.digit, part.digest, part.size, part.count] for part in parts]
        digest = self._objects.put_bytes(preimage(_PARTS, rows))
        return _Part("", digest, sum(part.size for part in parts), count)

    def _list(self, entries: Iterable[Entry]) -> _Part:
        listed = [entry for entry in entries if entry.kind == FILE or entry.digest != EMPTY]
        digest = self._objects.put_bytes(encode(listed))
        return _Part("", digest, sum(entry.size for entry in listed), len(listed))

    def _entries(self, digest: Digest) -> list[Entry]:
        entries, parts = self._load(digest)
        return entries + [entry for part in parts for entry in self._entries(part.digest)]

    def _load(self, digest: Digest) -> tuple[list[Entry], list[_Part]]:
        """Read one object: the entries that it lists, or the parts that it points to."""
        if digest == EMPTY:  # it need not have been stored
            return [], []
        data = self._objects.read(digest)
        try:
            return _decode(data)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise BadInputError(
                "Expected the names of a folder.", received=f"object {digest}: {error}"
            ) from error


def _decode(data: bytes) -> tuple[list[Entry], list[_Part]]:
    """Read the bytes of a folder; raises ValueError for a row that no folder has."""
    tag, rows = json.loads(data)
    if _TAGS[tag]:
        parts = [_Part(*row) for row in rows]
        for part in parts:
            _check_row(part, _is_digit(part.digit) and _is_natural(part.count))
        return [], parts
    entries = [Entry(name, kind, Digest(inner), size) for kind, name, inner, size in rows]
    for entry in entries:
        _check_row(entry, _NAME.fullmatch(entry.name) and entry.kind in (FILE, FOLDER))
    return entries, []


def _check_row(row: Entry | _Part, plain: object) -> None:
    if not (plain and is_digest(row.digest) and _is_natural(row.size)):
        raise ValueError(f"{row} is none")


def _is_natural(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_digit(value: object) -> bool:
    return isinstance(value, str) and len(value) == 1 and value in "0123456789abcdef"


def _folder(part: _Part) -> Entry:
    return Entry("", FOLDER, part.digest, part.size)


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _parted(names: Iterable[str], depth: int) -> dict[str, list[str]]:
    """Part names by one digit of their SHA-256."""
    parted: dict[str, list[str]] = {}
    for name in names:
        parted.setdefault(_digits(name)[depth], []).append(name)
    return parted
