"""Commits in one file: a tar whose bytes are a function of the commit, with all that is behind it.

Inputs, code, parameters, specs and environments are in it, so that what it holds can be made again
from it alone. Nothing of a file is shown before every digest in it is checked.
"""

import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from ibid.spec.preimage import Digest, digest_bytes, preimage
from ibid.stage.contract import BadInputError
from ibid.store import statements, withdrawn
from ibid.store.adopt import Adopted, adopt, needed
from ibid.store.commits import Commit, Store
from ibid.store.disk import move_durably
from ibid.store.manifest import Manifest, decode, name_of
from ibid.store.reach import Cites, purged_digests
from ibid.store.statements import Statement

FORMAT = 1
HEAD = "ibid-bundle.json"
_MEMBER = re.compile(r"(?P<kind>commits|objects|statements)/(?P<digest>[0-9a-f]{64})")
_LARGEST_HEAD = 64 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a file holds: the commit that it was made for, and all commits."""

    of: str
    commits: tuple[Commit, ...]
    objects: int
    statements: tuple[Statement, ...] = ()


def lineage_of(store: Store, commit: Commit, cites: Cites) -> list[Commit]:
    """List a commit and all that it was made from; raises BadInputError if a part is purged."""
    found: dict[tuple[str, str], Commit] = {}
    todo = [commit]
    while todo:
        one = todo.pop()
        if name_of(one) in found:
            continue
        if one.purged:
            with store.reading(one):
                raise BadInputError(
                    f"Expected {commit.address} with all that is behind it.",
                    received=f"{one.address}, files of which were purged",
                )
        found[name_of(one)] = one
        todo += [store.resolve(c.repo, c.commit) for c in cites(one.provenance).causes]
    return list(found.values())


def write(store: Store, commit: Commit, target: Path, cites: Cites) -> Bundle:
    """Write a commit with all that is behind it; the file is there whole or not at all."""
    with store.lock.shared():
        # Its history is not behind it: with no parents, the bytes do not depend on the store.
        commits = [replace(each, parent=None) for each in lineage_of(store, commit, cites)]
        manifests = sorted(
            (Manifest(store.project, each) for each in commits), key=lambda each: each.digest
        )
        objects = sorted(needed(store, commits, cites))
        said = {each.digest: each for one in commits for each in statements.about(store, one)}
        of = f"{commit.repo}@{commit.id}"
        head = {"format": FORMAT, "of": of, "commits": [each.digest for each in manifests]}
        half = target.with_name(f".{target.name}.{uuid4().hex}")  # nobody's own file
        try:
            with tarfile.open(half, "w", format=tarfile.PAX_FORMAT) as archive:
                _add(archive, HEAD, preimage("bundle", head))
                for manifest in manifests:
                    _add(archive, f"commits/{manifest.digest}", manifest.encode())
                for digest in objects:
                    _add_object(archive, store, digest)
                for digest, each in sorted(said.items()):
                    _add(archive, f"statements/{digest}", each.data)
            move_durably(half, target)
        finally:
            half.unlink(missing_ok=True)
        return Bundle(of, tuple(commits), len(objects))


def read(store: Store, source: Path, cites: Cites, *, again: bool) -> tuple[Bundle, Adopted]:
    """Take in the commits of a file, those that are here already excepted.

    Raises:
        BadInputError: for a file that is no bundle, of another format, cut short or changed, or
            that holds files which were purged here, unless `again`. Then nothing is shown.
    """
    with store.lock.shared():
        with _opened(source) as archive:
            bundle, back = _read(store, archive, again=again)
            _check_end(archive, source.stat().st_size)
        adopted = adopt(store, bundle.commits, cites, back)
        statements.add(store, bundle.statements)
        return bundle, adopted


def project_of(source: Path) -> str:
    """Say of which project the commits of a file are; raises BadInputError if it is no bundle."""
    with _opened(source) as archive:
        _head(archive, archive.next())
        first = archive.next()
        stream = archive.extractfile(first) if first and first.isreg() else None
        if first is None or stream is None or first.size > _LARGEST_HEAD:
            raise BadInputError("Expected a bundle that holds a commit.", received=source)
        return decode(stream.read(), first.name.removeprefix("commits/")).project


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError) as error:
        raise BadInputError(f"Expected a bundle, whole, in {source}.", received=error) from error


def _read(store: Store, archive: tarfile.TarFile, *, again: bool) -> tuple[Bundle, list[Digest]]:
    """Store the objects of a file; returns what it holds, and what of that was purged here."""
    gone, back = purged_digests(store), list[Digest]()
    members = iter(archive)
    of, names = _head(archive, next(members, None))
    wanted, commits, objects, said = set(names), list[Commit](), 0, list[Statement]()
    for kind, digest, member in _checked(members):
        stream = archive.extractfile(member)
        if stream is None:
            raise _odd(member.name)
        if kind == "commits":
            if digest not in wanted:
                raise _odd(member.name)
            if member.size > _LARGEST_HEAD:
                raise BadInputError(
                    f"Expected a commit of {_LARGEST_HEAD} bytes at most.", received=member.size
                )
            wanted.remove(digest)
            manifest = decode(stream.read(), digest)
            if manifest.project != store.project:
                raise BadInputError(
                    f"Expected commits of the pipeline {store.project}.", received=manifest.project
                )
            commits.append(manifest.commit)
            continue
        if kind == "statements":
            said.append(_statement(stream.read(statements.LARGEST + 1), digest))
            continue
        objects += 1
        back += withdrawn.refuse(gone, {f"object {digest}": digest}, again=again)
        found, size = store.objects.put_stream(stream)
        if found != digest or size != member.size:
            raise BadInputError(
                "Expected a bundle as it was written.", received=f"{member.name} is {found}"
            )
    if wanted or of not in {f"{commit.repo}@{commit.id}" for commit in commits}:
        raise BadInputError(
            "Expected a bundle that is whole.", received=f"no {', '.join(wanted) or of}"
        )
    return Bundle(of, tuple(commits), objects, tuple(said)), back


def _statement(data: bytes, digest: Digest) -> Statement:
    if digest_bytes(data) != digest:
        raise BadInputError("Expected a statement as it was written.", received=digest)
    return statements.read(data)


def _head(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> tuple[str, list[str]]:
    if member is None or member.name != HEAD or not member.isreg() or member.size > _LARGEST_HEAD:
        raise BadInputError("Expected a bundle.", received=f"no {HEAD} at its beginning")
    stream = archive.extractfile(member)
    try:
        head = json.loads(stream.read() if stream else b"")[1]
        if head["format"] != FORMAT:
            raise BadInputError(
                f"Expected a bundle of format {FORMAT}.",
                received=f"format {head['format']}",
                hint="use the version of ibid that made it",
            )
        return str(head["of"]), [*map(str, head["commits"])]
    except (ValueError, LookupError, TypeError) as error:
        raise BadInputError("Expected a bundle.", received=error) from error


def _checked(
    members: Iterator[tarfile.TarInfo],
) -> Iterator[tuple[str, Digest, tarfile.TarInfo]]:
    """Let plain files of the names that a bundle has pass, each once, and nothing else."""
    seen: set[str] = set()
    for member in members:
        match = _MEMBER.fullmatch(member.name)
        if match is None or not member.isreg() or member.name in seen:
            raise _odd(member.name)
        seen.add(member.name)
        yield match["kind"], Digest(match["digest"]), member


def _check_end(archive: tarfile.TarFile, size: int) -> None:
    """Refuse a file that is shorter or longer than its members and the end of a tar make it."""
    last = archive.getmembers()[-1]
    blocks = -(-(last.offset_data + last.size) // tarfile.BLOCKSIZE) + 2
    whole = -(-blocks * tarfile.BLOCKSIZE // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
    if size != whole:
        raise BadInputError(f"Expected a bundle of {whole} bytes.", received=f"{size} bytes")


def _odd(name: str) -> BadInputError:
    return BadInputError("Expected nothing in a bundle but commits and objects.", received=name)


def _add_object(archive: tarfile.TarFile, store: Store, digest: Digest) -> None:
    if digest not in store.objects:
        raise BadInputError(
            "Expected a store that holds what it cites.",
            received=f"no {digest}",
            hint="ibid doctor",
        )
    member = tarfile.TarInfo(f"objects/{digest}")
    store.objects.verify(digest)  # or whoever takes it in would be the first to notice
    with store.objects.path(digest).open("rb") as stream:
        member.size = os.fstat(stream.fileno()).st_size
        archive.addfile(member, stream)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # no time, owner or mode of this machine
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
