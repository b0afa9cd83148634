"""Which outputs were made from some files: followed datum by datum, from inputs to the last output.

An output of which no datum saw them is none of these, though its input commits held them.
"""

import json
from collections.abc import Iterable

from ibid.engine.datums import Datum, expand
from ibid.engine.record import cited
from ibid.spec.preimage import Digest
from ibid.spec.spec import read_spec
from ibid.stage.contract import IbidError
from ibid.store.commits import Commit, Store
from ibid.store.jobs import Jobs
from ibid.store.reach import Below
from ibid.store.trees import FILE


class Citing:
    """What hangs on some files, over all projects of a home.

    `inputs` are the input commits that hold them, `outputs` those made from them, `files` they
    and what was made from them alone, `clean` the keys of the datums that did not see them.
    """

    def __init__(self, store: Store, files: Iterable[Digest]) -> None:
        self.inputs: list[tuple[Store, Commit]] = []
        self.outputs: list[tuple[Store, Commit]] = []
        self.files = set(files)
        self.clean: set[str] = set()
        self._given = Below(store.trees, self.files.copy())
        self._touched: dict[tuple[str, str, str], bool] = {}
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
        self.clean |= keys_of(store, commit)
        return False

    def _has_touched_datums(
        self, store: Store, commit: Commit, causes: list[Commit | None]
    ) -> bool:
        if commit.gone:
            return True
        try:
            touched, clean = self._sorted_keys(store, commit, causes)
        except IbidError:  # what it was made from cannot be told any more: take it to be touched
            self.files |= _files(store, [commit.tree])
            return True
        if not touched:
            return False
        self.clean |= clean
        results = Jobs(store).results(touched | clean)
        known = touched <= results.keys()
        made = [results[key].tree for key in touched] if known else [commit.tree]
        others = [results[key].tree for key in clean & results.keys()]
        self.files |= _files(store, made) - _files(store, others)
        return True

    def _sorted_keys(
        self, store: Store, commit: Commit, causes: list[Commit | None]
    ) -> tuple[set[str], set[str]]:
        """Tell the keys of the datums that saw any of the files from those that did not."""
        below = Below(store.trees, self.files)
        touched, clean = set[str](), set[str]()
        for key, datum in _datums(store, commit, causes).items():
            saw = any(below.entry(item.entry) for item in datum.items)
            (touched if saw else clean).add(key)
        return touched, clean


def keys_of(store: Store, commit: Commit) -> set[str]:
    """List the keys of the datums that a commit was made of; an input's has none.

    Where what it was made from cannot be told any more, those that its own job ran.
    """
    causes = [store.get(c.repo, c.commit) for c in cited(commit.provenance).causes]
    try:
        return {*_datums(store, commit, causes)} if causes else set()
    except IbidError:
        return {row.key for row in Jobs(store).datums(commit.repo, commit.id)}


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


def _files(store: Store, trees: Iterable[Digest]) -> set[Digest]:
    seen: set[str] = set()
    return {
        digest
        for tree in trees
        for kind, digest in store.trees.objects_of(tree, seen)
        if kind == FILE
    }
