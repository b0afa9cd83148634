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
from ibid.spec.spec import Spec
from ibid.store.commits import Commit, Store
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
    code: Entry | None = None,
) -> Work:
    """Bring together everything that a key is made of.

    Args:
        project: where the code is, and the packages that are installed.
        store: where to keep the code closure.
        spec: the pipeline.
        heads: the input commits, by repo.
        code: a code closure that is in the store already; default: that of the project now.
    """
    memo = Memo(project.home.memo)
    usable = packages(spec.extra, memo)
    described = environment.describe(usable, spec.machine, read_params(store, spec, heads))
    code = code or _code(project, store, spec, memo)
    return Work(spec, store, heads, code, described, usable.modules)


def _code(project: Project, store: Store, spec: Spec, memo: Memo) -> Entry:
    """Store the code closure, if it is not there as it was."""

    def work_out() -> Seen:
        files = closure.resolve(project.root, spec)
        tree = store.trees.write_files(files)
        stored = [store.objects.path(d) for _, d in store.trees.objects_of(tree.digest, set())]
        return [tree.digest, tree.size], [*closure.read_from(project.root, files), *stored]

    question = ["code", str(project.root), spec.component, *spec.files]
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
