"""The tree behind a commit: data, code, parameters and environment, up to the raw uploads."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from ibid.spec.preimage import Digest
from ibid.store.commits import Commit, CommitId, Store


@dataclass(frozen=True, slots=True)
class Origin:
    """One commit and what made it; an input commit has uploads, an output commit has inputs."""

    repo: str
    commit: CommitId
    digest: Digest
    created: float
    input_name: str | None = None
    glob: str | None = None
    component: str | None = None
    code: Digest | None = None
    environment: Digest | None = None
    params: dict[str, Any] | None = None
    job_seconds: float | None = None
    datums: int | None = None
    uploads: tuple[str, ...] = ()
    inputs: tuple["Origin", ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the whole tree as plain values."""
        return asdict(self)


def lineage(store: Store, commit: Commit) -> Origin:
    """Follow provenance from a commit back to the uploads.

    Each input is named by the very commit that the job was given, with its digest.
    """
    return _origin(store, commit, None, None)


def _origin(store: Store, commit: Commit, name: str | None, glob: str | None) -> Origin:
    provenance = json.loads(commit.provenance)
    known = (commit.repo, commit.id, commit.tree, commit.created, name, glob)
    if provenance["kind"] == "input":
        names = tuple(entry.name for entry in store.trees.read(commit.tree))
        return Origin(*known, uploads=names)
    inputs = [
        (given, store.resolve(given["repo"], given["commit"])) for given in provenance["inputs"]
    ]
    return Origin(
        *known,
        component=provenance["component"],
        code=provenance["code"],
        environment=provenance["environment"],
        params=_params(store, provenance),
        job_seconds=provenance["finished"] - provenance["started"],
        datums=provenance["datums"],
        inputs=tuple(
            _origin(store, found, given["name"], given["glob"])
            for given, found in inputs
            if given["name"] != "params"
        ),
    )


def _params(store: Store, provenance: dict[str, Any]) -> dict[str, Any] | None:
    """Read the parameters that the job was given, out of the commit that it cites."""
    for given in provenance["inputs"]:
        if given["name"] == "params":
            entry = store.trees.find(given["digest"], given["glob"])
            if entry is not None:
                params: dict[str, Any] = json.loads(store.objects.read(entry.digest))
                return params
    return None


def parameters_behind(origin: Origin) -> dict[str, dict[str, Any]]:
    """Collect the parameters of every pipeline in a lineage, by pipeline."""
    found: dict[str, dict[str, Any]] = {}
    for inner in origin.inputs:
        found |= parameters_behind(inner)
    return found | ({origin.repo: origin.params} if origin.params else {})
