"""Another place for objects and commits: any URL that fsspec knows.

Objects first, then one manifest a commit, named by its content: what is there was there whole, and
two machines that push at once add to one another. Nothing is ever changed or removed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from ibid.spec.preimage import Digest
from ibid.stage.contract import BadInputError, IbidError, TemporaryError, UsageError
from ibid.store.adopt import Adopted, adopt, checking, needed
from ibid.store.commits import Commit, Store
from ibid.store.manifest import Manifest, decode, name_of
from ibid.store.objects import Objects
from ibid.store.reach import Cites, commit_roots, purged_digests
from ibid.store.trees import FOLDER

AT_ONCE = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a push has added: commits, objects and their bytes."""

    commits: int
    objects: int
    bytes: int


class Remote:
    """What is at a URL. The credentials are those that fsspec finds for it."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = _open(url)
        self._local = "file" in _protocols(self._fs)

    def push(self, store: Store, cites: Cites) -> Sent:
        """Add the commits of a project that are not there, and the objects that they need."""
        with store.lock.shared(), _reaching():
            manifests = [Manifest(store.project, c) for repo in store.repos() for c in
                         reversed(store.history(repo))]  # fmt: skip
            there = self._names(f"commits/{store.project}")
            new = [manifest for manifest in manifests if manifest.digest not in there]
            objects = self._missing(store, [manifest.commit for manifest in new], cites)
            self._each(lambda digest: self._send(store, digest), objects)
            # Only now, and causes before effects: whoever pulls meanwhile sees nothing partial.
            for manifest in sorted(new, key=lambda each: each.commit.created):
                self._write(f"commits/{store.project}/{manifest.digest}", manifest.encode())
            return Sent(len(new), len(objects), sum(objects.values()))

    def pull(self, store: Store, cites: Cites) -> Adopted:
        """Take in the commits that are there and not here; every digest is checked on the way.

        Files that were purged here do not come back. Raises BadInputError for bytes that are not
        what their name says; then nothing is shown.
        """
        with store.lock.shared(), _reaching():
            names = sorted(self._names(f"commits/{store.project}"))
            here = {
                Manifest(store.project, commit).digest
                for repo in store.repos()
                for commit in store.history(repo)
            }
            unknown = [name for name in names if name not in here]
            manifests = self._each(lambda name: self._manifest(store, name), unknown)
            found: dict[tuple[str, str], Commit] = {}
            for manifest in manifests:
                name = name_of(manifest.commit)
                # Of a commit that was purged there, both records are there: the later one counts.
                # One that was imported there has lost its parent.
                if name not in found or manifest.commit.purged or found[name].parent is None:
                    found[name] = manifest.commit
            new = [c for name, c in found.items() if store.get(c.repo, c.id) is None]
            self._complete(store, new, cites)
            return adopt(store, new, cites)

    def fetch(self, store: Store, digests: Iterable[Digest]) -> None:
        """Put those of some objects into the store that are there."""
        with _reaching():
            there = self._sizes()
            self._each(lambda d: self._get(store.objects, d), [d for d in digests if d in there])

    def _missing(self, store: Store, commits: Sequence[Commit], cites: Cites) -> dict[Digest, int]:
        """List what commits need and is not there in full, with its size."""
        there, objects = self._sizes(), needed(store, commits, cites)
        if lacking := sorted(digest for digest in objects if digest not in store.objects):
            raise BadInputError(
                "Expected a store that holds what it cites.",
                received=f"no {lacking[0]}",
                hint="ibid doctor",
            )
        sizes = {digest: store.objects.path(digest).stat().st_size for digest in objects}
        return {digest: size for digest, size in sizes.items() if there.get(digest) != size}

    def _complete(self, store: Store, commits: Sequence[Commit], cites: Cites) -> None:
        """Fetch what commits need and is not here: a level of folders at a time."""
        gone, objects, cites = purged_digests(store), store.objects, checking(cites)
        trees = [root.tree for root in commit_roots(commits, cites)]
        single = {digest for commit in commits for digest in cites(commit.provenance).objects}
        self._fetch_absent(objects, single)
        while trees:
            seen: set[str] = set()
            absent = {
                digest: kind
                for tree in trees
                for kind, digest in store.trees.objects_of(tree, seen, _Held(objects))
                if digest not in objects and digest not in gone
            }
            self._fetch_absent(objects, absent)
            trees = [digest for digest, kind in absent.items() if kind == FOLDER]

    def _fetch_absent(self, objects: Objects, digests: Iterable[Digest]) -> None:
        wanted = [digest for digest in digests if digest not in objects]
        self._each(lambda digest: self._get(objects, digest), wanted)

    def _get(self, objects: Objects, digest: Digest) -> None:
        try:
            with self._fs.open(self._object(digest), "rb") as stream:
                found, _ = objects.put_stream(stream)
        except FileNotFoundError as error:
            raise BadInputError(
                "Expected the remote to hold an object that a commit there cites.",
                received=f"no {digest}",
                hint="ibid push again from where it was made",
            ) from error
        if found != digest:
            raise BadInputError(
                "Expected the bytes of an object that the remote holds.",
                received=f"{digest} has the bytes of {found}",
            )

    def _manifest(self, store: Store, name: str) -> Manifest:
        data = self._fs.cat_file(f"{self._root}/commits/{store.project}/{name}")
        manifest = decode(data, name)
        if manifest.project != store.project:
            raise BadInputError(f"Expected commits of {store.project}.", received=manifest.project)
        return manifest

    def _send(self, store: Store, digest: Digest) -> None:
        with self._placed(self._object(digest)) as target:
            self._fs.put_file(str(store.objects.path(digest)), target)

    def _write(self, path: str, data: bytes) -> None:
        with self._placed(f"{self._root}/{path}") as target:
            self._fs.pipe_file(target, data)

    @contextmanager
    def _placed(self, path: str) -> Iterator[str]:
        """Give the path to write to. An object store shows whole files only, a folder any part."""
        if not self._local:
            yield path
            return
        half = f"{self._root}/incoming/{uuid4().hex}"
        yield half
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.mv(half, path)

    def _object(self, digest: Digest) -> str:
        return f"{self._root}/objects/{digest[:2]}/{digest[2:]}"

    def _sizes(self) -> dict[Digest, int]:
        return {
            Digest("".join(path.split("/")[-2:])): facts["size"]
            for path, facts in self._find("objects").items()
        }

    def _names(self, folder: str) -> set[str]:
        return {path.rpartition("/")[2] for path in self._find(folder)}

    def _find(self, folder: str) -> dict[str, Any]:
        self._fs.invalidate_cache()
        try:
            found: dict[str, Any] = self._fs.find(f"{self._root}/{folder}", detail=True)
        except FileNotFoundError:  # nothing was pushed yet
            return {}
        return found

    def _each(self, work: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, items))


class _Held:
    """The objects that are here."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def __contains__(self, digest: object) -> bool:
        return Digest(str(digest)) in self._objects


def _open(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise _not_installed(error) from error
    local = url.startswith("file:") or "://" not in url
    options: dict[str, Any] = {"auto_mkdir": True} if local else {}
    try:
        fs, root = url_to_fs(url, skip_instance_cache=True, **options)
    except ImportError as error:
        raise _not_installed(error) from error
    except ValueError as error:
        raise UsageError("Expected the URL of a remote, such as s3://BUCKET/FOLDER.",
                         received=error) from error  # fmt: skip
    return fs, root.rstrip("/")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _not_installed(error: ImportError) -> UsageError:
    return UsageError(
        "Expected the packages that reach remotes to be installed.",
        received=error,
        hint="make setup-remote",
    )


@contextmanager
def _reaching() -> Iterator[None]:
    """Turn what libraries raise when a remote cannot be reached into an error that says so."""
    try:
        yield
    except IbidError:
        raise
    except Exception as error:  # a border: each kind of remote raises errors of its own
        raise TemporaryError(
            "Expected to reach the remote.",
            received=f"{type(error).__name__}: {error}",
            hint="what was sent is kept: the same command goes on from there",
        ) from error
