"""Another place for objects and commits: any URL that fsspec knows.

Objects first, then one manifest a commit, named by its content: what is there was there whole, and
two machines that push at once add to one another. Nothing is removed, and changed is only what is
not what its name says.
"""

import contextlib
import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ibid.spec.preimage import Digest, digest_bytes
from ibid.stage.contract import BadInputError
from ibid.store import batches
from ibid.store.adopt import Adopted, adopt, checking, is_news, needed
from ibid.store.commits import DELETED, Commit, Store
from ibid.store.manifest import Manifest, decode, name_of
from ibid.store.objects import CHUNK, Objects
from ibid.store.reach import Cites, commit_roots, purged_digests
from ibid.store.trees import FOLDER
from ibid.store.url import Stream, Url

AT_ONCE = 8
T = TypeVar("T")
_CHECK = "ibid push --check from where it was made: it sends again what is wrong or not there"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a push has added: commits, objects and their bytes."""

    commits: int
    objects: int
    bytes: int


class Remote:
    """What of a project is at a URL."""

    def __init__(self, url: str) -> None:
        self._url = Url(url)

    def push(self, store: Store, cites: Cites, *, check: bool = False) -> Sent:
        """Add the commits of a project that are not there, and the objects that they need.

        Args:
            store: whose.
            cites: says what a record cites.
            check: read all that is there of them too, and send again what is wrong.

        Raises:
            IbidError: for an object that is lost or damaged here; no commit is shown that needs it.
        """
        with store.lock.shared():
            manifests = [Manifest(store.project, c) for repo in store.repos() for c in
                         reversed(store.history(repo))]  # fmt: skip
            there = self._names(store.project)
            new = [
                each
                for each in manifests
                if each.digest not in there or (check and self._is_wrong(store, each))
            ]
            sent = [each.commit for each in (manifests if check else new)]
            objects = self._missing(store, sent, cites, check=check)
            _each(lambda digest: self._send(store, digest), objects)
            self._url.settle()
            # Only now, and causes before effects: whoever pulls meanwhile sees nothing partial.
            for manifest in sorted(new, key=lambda each: each.commit.created):
                self._url.write(f"commits/{store.project}/{manifest.digest}", manifest.encode())
            self._url.settle()
            return Sent(len(new), len(objects), sum(objects.values()))

    def pull(self, store: Store, cites: Cites) -> Adopted:
        """Take in the commits that are there and not here; every digest is checked on the way.

        Files that were purged here do not come back. Raises BadInputError for bytes that are not
        what their name says; then nothing is shown.
        """
        with store.lock.shared():
            names = sorted(self._names(store.project))
            here = {
                Manifest(store.project, commit).digest
                for repo in store.repos()
                for commit in store.history(repo)
            }
            unknown = [name for name in names if name not in here]
            manifests = _each(lambda name: self._manifest(store, name), unknown)
            found: dict[tuple[str, str], Commit] = {}
            for manifest in manifests:
                name = name_of(manifest.commit)
                # Of a commit that was purged there, both records are there: the later one counts.
                # One that was imported there has lost its parent.
                # Of one that was deleted there, its bytes are there still.
                if manifest.commit.purged == DELETED and name in found:
                    continue
                if (
                    name not in found
                    or manifest.commit.purged
                    or found[name].parent is None
                    or found[name].purged == DELETED
                ):
                    found[name] = manifest.commit
            new = [c for name, c in found.items() if is_news(c, store.get(c.repo, c.id))]
            self._complete(store, new, cites)
            return adopt(store, new, cites)

    def fetch(self, store: Store, digests: Iterable[Digest]) -> list[str]:
        """Put those of some objects into the store that are there; says which of them are wrong."""
        there = self._sizes()
        wrong = _each(
            lambda digest: self._try(store.objects, digest), [d for d in digests if d in there]
        )
        return [line for line in wrong if line]

    def _try(self, objects: Objects, digest: Digest) -> str:
        try:
            self._get(objects, digest)
        except BadInputError as error:
            return f"{error.message} ({error.received})"
        return ""

    def _missing(
        self, store: Store, commits: Sequence[Commit], cites: Cites, *, check: bool
    ) -> dict[Digest, int]:
        """List what commits need and is not there in full, with its size."""
        there, objects = self._sizes(), needed(store, commits, cites)
        if lacking := sorted(digest for digest in objects if digest not in store.objects):
            raise BadInputError(
                "Expected a store that holds what it cites.",
                received=f"no {lacking[0]}",
                hint="ibid doctor",
            )
        sizes = {digest: store.objects.path(digest).stat().st_size for digest in objects}
        known = [digest for digest, size in sizes.items() if check and there.get(digest) == size]
        wrong = dict(zip(known, _each(self._hash, known), strict=True))
        return {
            digest: size
            for digest, size in sizes.items()
            if there.get(digest) != size or wrong.get(digest, digest) != digest
        }

    def _hash(self, digest: Digest) -> str:
        hasher = hashlib.sha256()
        with self._reading(digest) as stream:
            for chunk in iter(lambda: stream.read(CHUNK), b""):
                hasher.update(chunk)
        return hasher.hexdigest()

    def _is_wrong(self, store: Store, manifest: Manifest) -> bool:
        data = self._url.read(f"commits/{store.project}/{manifest.digest}")
        return digest_bytes(data) != manifest.digest

    def _complete(self, store: Store, commits: Sequence[Commit], cites: Cites) -> None:
        """Fetch what commits need and is not here.

        A file of a commit that was purged is not missed: it may have gone before the first push.
        """
        cites = checking(cites)
        roots = [*commit_roots(commits, cites)]
        single = {digest for commit in commits for digest in cites(commit.provenance).objects}
        self._fetch_absent(store.objects, single)
        self._fetch_trees(store, [root.tree for root in roots if not root.purged])
        if purged := [root.tree for root in roots if root.purged]:
            self._fetch_trees(store, purged, self._sizes())

    def _fetch_trees(
        self, store: Store, trees: Sequence[Digest], held: Container[Digest] | None = None
    ) -> None:
        """Fetch trees, a level of folders at a time; of files those that are `held`: all."""
        gone, objects = purged_digests(store), store.objects
        while trees:
            seen: set[str] = set()
            absent = {
                digest: kind
                for tree in trees
                for kind, digest in store.trees.objects_of(tree, seen, objects)
                if digest not in objects and digest not in gone
                if kind == FOLDER or held is None or digest in held
            }
            self._fetch_absent(objects, absent)
            trees = [digest for digest, kind in absent.items() if kind == FOLDER]

    def _fetch_absent(self, objects: Objects, digests: Iterable[Digest]) -> None:
        wanted = [digest for digest in digests if digest not in objects]
        _each(lambda digest: self._get(objects, digest), wanted)

    def _get(self, objects: Objects, digest: Digest) -> None:
        with self._reading(digest) as stream:
            found, _ = objects.put_stream(stream)
        if found != digest:
            raise BadInputError(
                "Expected the bytes of an object that the remote holds.",
                received=f"{digest} has the bytes of {found}",
                hint=_CHECK,
            )

    def _manifest(self, store: Store, name: str) -> Manifest:
        manifest = decode(self._url.read(f"commits/{store.project}/{name}"), name)
        if manifest.project != store.project:
            raise BadInputError(f"Expected commits of {store.project}.", received=manifest.project)
        return manifest

    def _send(self, store: Store, digest: Digest) -> None:
        store.objects.verify(digest)  # before a byte is there: a pull would refuse it for good
        self._url.send(str(store.objects.path(digest)), _path(digest))

    @contextlib.contextmanager
    def _reading(self, digest: Digest) -> Iterator[Stream]:
        with contextlib.ExitStack() as opened:
            try:
                stream = opened.enter_context(self._url.reading(_path(digest)))
            except FileNotFoundError as error:
                raise BadInputError(
                    "Expected the remote to hold an object that a commit there cites.",
                    received=f"no {digest}",
                    hint=_CHECK,
                ) from error
            yield stream

    def _sizes(self) -> dict[Digest, int]:
        found = self._url.sizes("objects")
        return {Digest("".join(path.split("/")[-2:])): size for path, size in found.items()}

    def _names(self, project: str) -> set[str]:
        return {path.rpartition("/")[2] for path in self._url.sizes(f"commits/{project}")}


def _path(digest: Digest) -> str:
    return f"objects/{digest[:2]}/{digest[2:]}"


def _each(work: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    return [*batches.each(work, items, AT_ONCE)]
