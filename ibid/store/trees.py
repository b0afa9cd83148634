"""Trees of objects: the Merkle root over paths and bytes, and nothing else.

No mode, time or empty folder; a symlink is what it points to. Equal content has one digest wherever
it was made.
"""

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError
from ibid.store.assistant import Assistant, assisted
from ibid.store.folders import EMPTY, FILE, FOLDER, Entry, Folders
from ibid.store.objects import Objects

__all__ = [
    "DEPTH",
    "EMPTY",
    "FILE",
    "FOLDER",
    "Entry",
    "Listing",
    "PathClashError",
    "Trees",
    "too_deep",
]

DEPTH = 100  # folders in folders of what is stored; each takes some of Python's stack
Listing = Mapping[str, Union["Entry", "Listing"]]


class PathClashError(BadInputError):
    """Two trees that were to be merged hold one path."""


class Trees:
    """Trees, kept among the objects."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self._folders = objects, Folders(objects)

    def write(self, entries: Iterable[Entry]) -> Entry:
        """Store one folder; returns it as an entry without a name."""
        return self._folders.write(entries)

    def read(self, digest: Digest) -> list[Entry]:
        """List the entries of a folder, sorted by name."""
        return self._folders.read(digest)

    def update(self, digest: Digest, changes: Mapping[str, Entry | None]) -> Entry:
        """Store a folder that differs from another by some entries; None takes a name away."""
        return self._folders.update(digest, changes)

    def add(self, path: Path, *, within: Path | None = None) -> Entry:
        """Store a file or a folder with all that is below it.

        Args:
            path: what to store.
            within: where symlinks may lead; default: the path itself.

        Raises:
            BadInputError: for a name that is not UTF-8, a link that leads out or nowhere, or
                something that is neither file nor folder; for more than DEPTH folders in folders.
        """
        return _Adding(self.objects, self._folders, (within or path).resolve()).add(path)

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
            inner = self._folders.find(entry.digest, name) if entry.kind == FOLDER else None
            if inner is None:
                return None
            entry = inner
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

    def compare(
        self, old: Digest, new: Digest, prefix: str = ""
    ) -> Iterator[tuple[str, Entry | None, Entry | None]]:
        """List the files that two trees differ in, as (path, file there, file here), unsorted.

        What they share is not read.
        """
        for name, there, here in self._folders.compare(old, new):
            path = f"{prefix}/{name}"
            files = [e if e and e.kind == FILE else None for e in (there, here)]
            if any(files):
                yield path, files[0], files[1]
            below = [e.digest if e and e.kind == FOLDER else EMPTY for e in (there, here)]
            yield from self.compare(below[0], below[1], path)

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
            files, folders = self._folders.below(digest)
            todo += folders
            for file in files:
                if file not in seen:
                    seen.add(file)
                    yield FILE, file

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


class _Adding:
    """One call of `add`. In one thread: several only get in each other's way."""

    def __init__(self, objects: Objects, folders: Folders, within: Path) -> None:
        self._objects, self._folders, self._within = objects, folders, within
        self._depth = 0

    def add(self, path: Path, holders: tuple[Path, ...] = ()) -> Entry:
        """Store what is at a path; `holders` are the folders of the links that led there."""
        if self._depth > DEPTH:
            raise too_deep(path)
        if path.is_symlink():
            holders = (*holders, path.parent.resolve())
            _check_link(path, self._within, holders)
        if path.is_dir():
            self._depth += 1
            folder = self._add_folder(path, holders)
            self._depth -= 1
            return _named(_checked(path.name, path), folder)
        if not path.is_file():
            raise BadInputError("Expected files and folders.", received=f"{path} is neither")
        return self._add_file(str(path), path.name)

    def _add_folder(self, path: Path, holders: tuple[Path, ...]) -> Entry:
        names, others = [], set()  # others than plain files
        with os.scandir(path) as items:
            for item in items:
                names.append(_checked(item.name, path))
                if not item.is_file(follow_symlinks=False):
                    others.add(item.name)

        with assisted(self._objects, len(names) - len(others)) as assistant:

            def make(some: Sequence[str]) -> Iterator[Entry]:
                files = [name for name in some if name not in others]
                half = len(files) // 2 if assistant else 0
                yield from self._add_files(path, files[:half], files[half:], assistant)
                yield from (self.add(path / name, holders) for name in some if name in others)

            return self._folders.build(names, make)

    def _add_files(
        self, path: Path, some: list[str], others: list[str], assistant: Assistant | None
    ) -> Iterator[Entry]:
        """Store files of one folder: some by an assistant, if there is one, the others here."""
        if assistant:
            assistant.ask([f"{path}/{name}" for name in some])
        yield from (self._add_file(f"{path}/{name}", name) for name in others)
        stored = assistant.answer() if assistant else None
        if stored is not None:
            yield from (Entry(name, FILE, *one) for name, one in zip(some, stored, strict=True))
        else:
            yield from (self._add_file(f"{path}/{name}", name) for name in some)

    def _add_file(self, path: str, name: str) -> Entry:
        return Entry(_checked(name, path), FILE, *self._objects.put_file(path))


def too_deep(path: object) -> BadInputError:
    """Say that folders are in each other too often."""
    return BadInputError(
        f"Expected at most {DEPTH} folders in each other.", received=f"{str(path)[:200]}…"
    )


def _named(name: str, entry: Entry) -> Entry:
    return Entry(name, entry.kind, entry.digest, entry.size)


def _checked(name: str, path: Path | str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise BadInputError(
            "Expected file names in UTF-8.", received=f"{name!r}, at {str(path)!r}"
        ) from error
    return name


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
