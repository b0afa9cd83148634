"""What is behind a commit: data, code, parameters and environment, up to the raw uploads."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from ibid.proof.statement import verdicts
from ibid.spec.preimage import Digest
from ibid.store.commits import Commit, CommitId, Store


@dataclass(frozen=True, slots=True)
class Given:
    """One input of a job: the commit that it was given, and what of it."""

    name: str
    repo: str
    commit: CommitId
    digest: Digest
    glob: str

    @property
    def address(self) -> str:
        """`REPO@ID`."""
        return f"{self.repo}@{self.commit}"


@dataclass(frozen=True, slots=True)
class Origin:
    """One commit and what made it; an input commit has `holds` instead: the names at its top.

    `verified` is what each `ibid verify` of it said: `result`, `level`, `at`.
    """

    repo: str
    commit: CommitId
    digest: Digest
    created: float
    component: str | None = None
    code: Digest | None = None
    environment: Digest | None = None
    in_force: tuple[dict[str, Any], ...] = ()
    params: dict[str, Any] | None = None
    datums: int | None = None
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    purged: str = ""
    purged_at: float | None = None
    holds: tuple[str, ...] = ()
    verified: tuple[dict[str, str], ...] = ()
    inputs: tuple[Given, ...] = ()

    @property
    def address(self) -> str:
        """`REPO@ID`."""
        return f"{self.repo}@{self.commit}"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Every commit behind one, once each, by `REPO@ID`; a cause stands after what it caused."""

    of: str
    origins: dict[str, Origin]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def parameters(self) -> dict[str, dict[str, Any]]:
        """Collect the parameters of every pipeline, by its name."""
        return {origin.repo: origin.params for origin in self.origins.values() if origin.params}


def lineage(store: Store, commit: Commit) -> Lineage:
    """Follow provenance from a commit back to the uploads.

    Each input is the very commit that the job was given, found by its id, never by a branch.
    """
    origins: dict[str, Origin] = {}
    todo = [commit]
    while todo:
        origin = _origin(store, todo.pop(0))
        if origin.address not in origins:
            origins[origin.address] = origin
            todo += [store.resolve(given.repo, given.commit) for given in origin.inputs]
    return Lineage(f"{commit.repo}@{commit.id}", origins)


def _origin(store: Store, commit: Commit) -> Origin:
    record = json.loads(commit.provenance)
    known = (commit.repo, commit.id, commit.tree, commit.created)
    if record["kind"] == "input":
        whole = commit.gone
        top = [] if whole else store.trees.read(commit.tree)
        return Origin(
            *known,
            purged=commit.purged,
            purged_at=commit.purged_at,
            holds=tuple(entry.name for entry in top),
        )
    inputs = tuple(Given(**given) for given in record["inputs"])
    return Origin(
        *known,
        component=record["component"],
        code=record["code"],
        environment=record["environment"],
        in_force=_in_force(store, record),
        params=_params(store, inputs),
        datums=record["datums"],
        started=record["started"],
        finished=record["finished"],
        exit_code=record["exit_code"],
        purged=commit.purged,
        purged_at=commit.purged_at,
        inputs=inputs,
        verified=tuple(verdicts(store, commit)),
    )


def _in_force(store: Store, record: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Read what the stage's processes found in force; records of before have none."""
    digest = record.get("in_force")
    if digest is None or digest not in store.objects:
        return ()
    return tuple(json.loads(store.objects.read(digest)))


def _params(store: Store, inputs: tuple[Given, ...]) -> dict[str, Any] | None:
    """Read the parameters that the job was given, out of the commit that it cites."""
    for given in inputs:
        if given.name != "params" or given.digest not in store.objects:  # purged with its commit
            continue
        entry = store.trees.find(given.digest, given.glob)
        if entry is not None and entry.digest in store.objects:
            params: dict[str, Any] = json.loads(store.objects.read(entry.digest))
            return params
    return None
