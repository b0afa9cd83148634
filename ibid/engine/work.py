"""A pipeline over one set of input commits: its datums, and every part of their keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ibid.engine import closure, environment
from ibid.engine.datums import Datum, expand
from ibid.engine.memo import Memo, Seen
from ibid.engine.packages import packages
from ibid.engine.project import Project
from ibid.spec.preimage import Digest, digest
from ibid.spec.spec import Spec, read_spec
from ibid.store.commits import Commit, Store
from ibid.store.home import Home
from ibid.store.trees import FOLDER, Entry


@dataclass(frozen=True)
class Work:
    """What a job would do.

    `heads` are the input commits by repo, `code` is the code closure, `modules` are those that it
    may import of what is installed.
    """

    spec: Spec
    store: Store
    heads: Mapping[str, Commit]
    code: Entry
    environment: dict[str, Any]
    modules: frozenset[str]

    @cached_property
    def datums(self) -> list[Datum]:
        """The units of work."""
        return expand(self.spec.input, self.heads, self.store.trees)

    @cached_property
    def environment_digest(self) -> Digest:
        """The digest that stands in the key, and on the image."""
        return digest("environment", self.environment)

    @cached_property
    def keys(self) -> list[Digest]:
        """The key of each datum, in their order."""
        return [
            datum.key(self.spec, self.code.digest, self.environment_digest) for datum in self.datums
        ]

    @cached_property
    def key(self) -> Digest:
        """The key of the whole job: equal keys need no job."""
        recovery = self.spec.recovery()
        return digest("job", [sorted(self.keys), recovery] if recovery else sorted(self.keys))


def gather(
    project: Project,
    store: Store,
    spec: Spec,
    heads: Mapping[str, Commit],
) -> Work:
    """Bring together everything that a key is made of, as it is now.

    Args:
        project: where the code is, and the packages that are installed.
        store: where to keep the code closure.
        spec: the pipeline.
        heads: the input commits, by repo.
    """
    memo = Memo(project.home.memo)
    return _work(memo, store, spec, heads, _code(project, store, spec, memo))


def recorded_spec(store: Store, commit: Commit) -> Spec:
    """Read the spec that an output cites."""
    return read_spec(json.loads(store.objects.read(json.loads(commit.provenance)["spec_record"])))


def recorded(home: Home, store: Store, commit: Commit, heads: Mapping[str, Commit]) -> Work:
    """Bring together what an output was made from: its spec, its code, in the environment of now.

    Args:
        home: remembers what is installed.
        store: holds what the output cites.
        commit: the output.
        heads: the input commits, by repo.
    """
    code = Entry("", FOLDER, Digest(json.loads(commit.provenance)["code"]), 0)
    return _work(Memo(home.memo), store, recorded_spec(store, commit), heads, code)


def _work(memo: Memo, store: Store, spec: Spec, heads: Mapping[str, Commit], code: Entry) -> Work:
    usable = packages(spec.extra, memo)
    described = environment.describe(usable, spec.machine, read_params(store, spec, heads))
    return Work(spec, store, heads, code, described, usable.modules)


def _code(project: Project, store: Store, spec: Spec, memo: Memo) -> Entry:
    """Store the code closure, if it is not there as it was."""

    def work_out() -> Seen:
        files = closure.resolve(project.root, spec)
        tree = store.trees.write_files(files)
        stored = [store.objects.path(d) for _, d in store.trees.objects_of(tree.digest, set())]
        return [tree.digest, tree.size], [*closure.read_from(project.root, files), *stored]

    question = ["code", str(project.root), spec.component, spec.differ, *spec.files]
    digest, size = memo.recall(question, work_out)
    return Entry("", FOLDER, digest, size)


def read_params(store: Store, spec: Spec, heads: Mapping[str, Commit]) -> dict[str, Any]:
    """Read the pipeline's own file of parameters from the repo `params`, if it takes one."""
    for source in spec.sources:
        if source.name == "params" and source.repo in heads:
            entry = store.trees.find(heads[source.repo].tree, f"/{spec.name}.json")
            if entry:
                params: dict[str, Any] = json.loads(store.objects.read(entry.digest))
                return params
    return {}
