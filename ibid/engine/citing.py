"""Which outputs were made from some files: followed datum by datum, from inputs to the last output.

An output of which no datum saw them is none of these, though its input commits held them.
"""

import json
from collections.abc import Callable, Iterable

from ibid.engine.datums import Datum, Item, expand
from ibid.engine.record import cited
from ibid.spec.preimage import Digest
from ibid.spec.spec import read_spec
from ibid.stage.contract import IbidError
from ibid.store.commits import Commit, Store
from ibid.store.jobs import Jobs
from ibid.store.reach import Below
from ibid.store.trees import FILE

Name = tuple[str, str, str]


class Citing:
    """What hangs on some files, over all projects of a home.

    `inputs` are the input commits that hold them, `outputs` those made from them, `files` they
    and what was made from them alone, `clean` the keys of the datums that did not see them.
    """

    # Of an output that was made from the files, what was: by its paths, as clean datums may have
    # given the same bytes elsewhere. None is all of it.
    _made: dict[Name, frozenset[str] | None]

    def __init__(self, store: Store, files: Iterable[Digest]) -> None:
        self.inputs: list[tuple[Store, Commit]] = []
        self.outputs: list[tuple[Store, Commit]] = []
        self.files = set(files)
        self.clean: set[str] = set()
        self._given = Below(store.trees, self.files.copy())
        self._touched: dict[Name, bool] = {}
        self._keys = keys_once()
        rows = store.database.query("SELECT key FROM results")
        self._known = frozenset(row["key"] for row in rows)
        self._made = {}
        for each in store.projects():
            for repo in each.repos():
                for commit in each.history(repo):
                    self._visit(each, commit)

    def _visit(self, store: Store, commit: Commit) -> bool:
        name = (store.project, commit.repo, commit.id)
        if name not in self._touched:
            self._touched[name] = self._is_touched(store, commit)
        return self._touched[name]

    def _is_touched(self, store: Store, commit: Commit) -> bool:
        if json.loads(commit.provenance)["kind"] == "input":
            touched = not commit.gone and bool(self._given(commit.tree))
            self.inputs += [(store, commit)] if touched else []
            return touched
        causes = [store.get(c.repo, c.commit) for c in cited(commit.provenance).causes]
        # Every cause has to be visited first, so no `any` that ends early.
        visited = [self._visit(store, cause) for cause in causes if cause]
        if any(visited) and self._has_touched_datums(store, commit, causes):
            self.outputs.append((store, commit))
            return True
        self.clean |= self._keys(store, commit) & self._known
        return False

    def _has_touched_datums(
        self, store: Store, commit: Commit, causes: list[Commit | None]
    ) -> bool:
        name = (store.project, commit.repo, commit.id)
        self._made[name] = None
        if commit.gone:
            return True
        try:
            touched, clean = self._sorted_keys(store, commit, causes)
        except IbidError:  # what it was made from cannot be told any more: take it to be touched
            self.files |= _files(store, [commit.tree])
            return True
        if not touched:
            return False
        self.clean |= clean & self._known
        results = Jobs(store).results(touched | clean)
        made = [commit.tree]
        if touched <= results.keys():
            made = [results[key].tree for key in touched]
            self._made[name] = _paths(store, made)
        others = [results[key].tree for key in clean & results.keys()]
        self.files |= _files(store, made) - _files(store, others)
        return True

    def _sorted_keys(
        self, store: Store, commit: Commit, causes: list[Commit | None]
    ) -> tuple[set[str], set[str]]:
        """Tell the keys of the datums that saw any of the files from those that did not."""
        ids = {cause.repo: cause.id for cause in causes if cause}
        touched, clean = set[str](), set[str]()
        for key, datum in _datums(store, commit, causes).items():
            saw = any(
                self._saw(item, (store.project, item.repo, ids[item.repo])) for item in datum.items
            )
            (touched if saw else clean).add(key)
        return touched, clean

    def _saw(self, item: Item, of: Name) -> bool:
        """Tell whether an input of a datum held any of the files, or what was made from them."""
        if not self._touched[of]:
            return False
        if of not in self._made:
            return bool(self._given.entry(item.entry))
        made = self._made[of]
        return made is None or item.path in made


def keys_once() -> Callable[[Store, Commit], set[str]]:
    """Return what lists the keys of the datums that a commit was made of; an input's has none.

    For whoever asks of all history: what was made of the very datums of a commit before gives
    none again. Where what a commit was made from cannot be told any more, it gives the keys that
    its own job ran.
    """
    seen: set[object] = set()

    def keys(store: Store, commit: Commit) -> set[str]:
        told = cited(commit.provenance)
        inputs = frozenset((cause.repo, cause.digest) for cause in told.causes)
        question = (told.objects, told.trees, inputs)
        if not inputs or question in seen:
            return set()
        causes = [store.get(cause.repo, cause.commit) for cause in told.causes]
        try:
            found = {*_datums(store, commit, causes)}
        except IbidError:
            return {row.key for row in Jobs(store).datums(commit.repo, commit.id)}
        seen.add(question)
        return found

    return keys


def _datums(store: Store, commit: Commit, causes: list[Commit | None]) -> dict[str, Datum]:
    """Cut the inputs of an output into its datums again, each by its key.

    Raises IbidError if they are not all there any more.
    """
    if None in causes:
        raise IbidError("Expected the commits that an output cites.", received=commit.address)
    record = json.loads(commit.provenance)
    spec = read_spec(json.loads(store.objects.read(record["spec_record"])))
    heads = {cause.repo: cause for cause in causes if cause}
    return {
        datum.key(spec, record["code"], record["environment"]): datum
        for datum in expand(spec.input, heads, store.trees)
    }


def _paths(store: Store, trees: Iterable[Digest]) -> frozenset[str]:
    """List the paths of the files in trees, and of the folders above them."""
    found = {"/"}
    for tree in trees:
        found |= {path for path, _ in store.trees.walk(tree)}
    return frozenset(found)


def _files(store: Store, trees: Iterable[Digest]) -> set[Digest]:
    seen: set[str] = set()
    return {
        digest
        for tree in trees
        for kind, digest in store.trees.objects_of(tree, seen)
        if kind == FILE
    }
