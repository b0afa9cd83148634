"""Trees of objects: the Merkle root over paths and bytes, and nothing else.

A tree is one object a folder: its entries sorted by the UTF-8 bytes of their names. No mode, time
or empty folder; a symlink is what it points to. Equal content has one digest wherever it was made.
"""

import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from ibid.spec.preimage import Digest, digest_bytes, preimage
from ibid.stage.contract import BadInputError
from ibid.store.objects import Objects

FILE, FOLDER = "file", "folder"
Listing = Mapping[str, Union["Entry", "Listing"]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; `size` is the bytes of the file, or of all files below."""

    name: str
    kind: str
    digest: Digest
    size: int


class PathClashError(BadInputError):
    """Two trees that were to be merged hold one path."""


def encode(entries: Iterable[Entry]) -> bytes:
    """Return the bytes of a tree, which are the pre-image of its digest."""
    ordered = sorted(entries, key=lambda entry: entry.name.encode())
    return preimage("tree", [[e.kind, e.name, e.digest, e.size] for e in ordered])


EMPTY = digest_bytes(encode(()))


class Trees:
    """Trees, kept among the objects."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def write(self, entries: Iterable[Entry]) -> Entry:
        """Store one folder; returns it as an entry without a name."""
        listed = [entry for entry in entries if entry.kind == FILE or entry.digest != EMPTY]
        digest = self.objects.put_bytes(encode(listed))
        return Entry("", FOLDER, digest, sum(entry.size for entry in listed))

    def read(self, digest: Digest) -> list[Entry]:
        """List the entries of a tree, sorted by name."""
        _, rows = json.loads(self.objects.read(digest))
        return [Entry(name, kind, Digest(inner), size) for kind, name, inner, size in rows]

    def add(self, path: Path, *, within: Path | None = None) -> Entry:
        """Store a file or a folder with all that is below it.

        Args:
            path: what to store.
            within: where symlinks may lead; default: the path itself.

        Raises:
            BadInputError: for a name that is not UTF-8, a link that leads out or nowhere, or
                something that is neither file nor folder.
        """
        return self._add(path, (within or path).resolve())

    def write_files(self, files: Mapping[str, bytes]) -> Entry:
        """Store a folder given as bytes by path (`a/b`)."""
        listing: dict[str, Any] = {}
        for path, data in files.items():
            *folders, name = path.split("/")
            inner = listing
            for folder in folders:
                inner = inner.setdefault(folder, {})
            inner[name] = Entry(name, FILE, self.objects.put_bytes(data), len(data))
        return self.write_listing(listing)

    def write_listing(self, listing: Listing) -> Entry:
        """Store nested folders, given as nested mappings from name to entry."""
        return self.write(
            Entry(name, FILE, value.digest, value.size)
            if isinstance(value, Entry) and value.kind == FILE
            else _named(name, value if isinstance(value, Entry) else self.write_listing(value))
            for name, value in listing.items()
        )

    def find(self, root: Digest, path: str) -> Entry | None:
        """Look up a path (`/a/b`, or `/` for the root itself)."""
        entry = Entry("", FOLDER, root, 0)
        for name in path.strip("/").split("/") if path.strip("/") else []:
            if entry.kind != FOLDER:
                return None
            inner = {inner.name: inner for inner in self.read(entry.digest)}
            if name not in inner:
                return None
            entry = inner[name]
        return entry

    def walk(
        self, root: Digest, *, depth: int | None = None, prefix: str = ""
    ) -> Iterator[tuple[str, Entry]]:
        """List everything below a root as (path, entry), folders before what they hold."""
        for entry in self.read(root):
            path = f"{prefix}/{entry.name}"
            yield path, entry
            if entry.kind == FOLDER and (depth is None or depth > 1):
                deeper = None if depth is None else depth - 1
                yield from self.walk(entry.digest, depth=deeper, prefix=path)

    def objects_of(
        self, root: Digest, seen: set[str], within: Container[Digest] | None = None
    ) -> Iterator[tuple[str, Digest]]:
        """List every object that a tree is made of, itself first, as (kind, digest).

        Args:
            root: the tree.
            seen: what was listed before and is not listed again; what is listed is added.
            within: the objects that can be read; what is below another is not listed. Default: all.
        """
        todo = [root]
        while todo:
            digest = todo.pop()
            if (mark := f"{digest}/") in seen:  # a file may have the very bytes of a tree
                continue
            seen.add(mark)
            yield FOLDER, digest
            if within is not None and digest not in within:
                continue
            for entry in self.read(digest):
                if entry.kind == FOLDER:
                    todo.append(entry.digest)
                elif entry.digest not in seen:
                    seen.add(entry.digest)
                    yield FILE, entry.digest

    def merge(self, roots: Iterable[Digest]) -> Entry:
        """Return the union of trees; raises PathClashError where two hold one path.

        Two may share folders; a file that both hold is a clash even with equal bytes, as in
        Pachyderm.
        """
        return self._merge([*roots], "")

    def checkout(self, entry: Entry, target: Path) -> None:
        """Copy a file or folder out of the store; what is copied may be written to."""
        if entry.kind == FILE:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.objects.copy(entry.digest, target)
            return
        target.mkdir(parents=True, exist_ok=True)
        for inner in self.read(entry.digest):
            self.checkout(inner, target / inner.name)

    def _add(self, path: Path, within: Path, holders: tuple[Path, ...] = ()) -> Entry:
        """Store what is at a path; `holders` are the folders of the links that led there."""
        name = _checked_name(path)
        if path.is_symlink():
            holders = (*holders, path.parent.resolve())
            _check_link(path, within, holders)
        if path.is_dir():
            with os.scandir(path) as inner:
                entries = [self._add(Path(item.path), within, holders) for item in inner]
            return _named(name, self.write(entries))
        if not path.is_file():
            raise BadInputError("Expected files and folders.", received=f"{path} is neither")
        return Entry(name, FILE, *self.objects.put_file(path))

    def _merge(self, roots: list[Digest], prefix: str) -> Entry:
        found: dict[str, list[Entry]] = {}
        for root in roots:
            for entry in self.read(root):
                found.setdefault(entry.name, []).append(entry)
        return self.write(
            self._merge_one(f"{prefix}/{name}", entries) for name, entries in found.items()
        )

    def _merge_one(self, path: str, entries: list[Entry]) -> Entry:
        if len(entries) == 1:
            return entries[0]
        if any(entry.kind == FILE for entry in entries):
            raise PathClashError("Expected each path from one datum only.", received=path)
        return _named(entries[0].name, self._merge([entry.digest for entry in entries], path))


def _named(name: str, entry: Entry) -> Entry:
    return Entry(name, entry.kind, entry.digest, entry.size)


def _checked_name(path: Path) -> str:
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise BadInputError("Expected file names in UTF-8.", received=repr(str(path))) from error
    return path.name


def _check_link(path: Path, within: Path, holders: tuple[Path, ...]) -> None:
    try:
        target = path.resolve()
    except RuntimeError as error:  # a link to itself, or two to each other
        raise BadInputError("Expected a link to lead somewhere.", received=path) from error
    shown = f"{path} -> {target}"
    if not target.exists():
        raise BadInputError("Expected a link to lead somewhere.", received=shown)
    if not target.is_relative_to(within):
        raise BadInputError(f"Expected links to stay in {within}.", received=shown)
    if any(holder.is_relative_to(target) for holder in holders):
        raise BadInputError("Expected no folder to hold itself.", received=shown)
