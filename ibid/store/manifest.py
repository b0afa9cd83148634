"""A commit as bytes, for other stores: named by their digest, so that two never take one name."""

import json
import re
from dataclasses import dataclass
from typing import Any

from ibid.spec.preimage import Digest, digest_bytes, is_digest, preimage
from ibid.stage.contract import BadInputError
from ibid.store.commits import DELETED, FILES, WHOLE, Commit, CommitId

_NAME = re.compile(r"[A-Za-z0-9_-]+")  # it becomes a part of a folder's name
_KINDS: dict[str, type | tuple[type, ...]] = {
    "project": str,
    "repo": str,
    "id": str,
    "parent": (str, type(None)),
    "tree": str,
    "size": int,
    "created": float,
    "provenance": str,
    "purged": str,
    "purged_at": (float, type(None)),
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A commit and the project that it is of."""

    project: str
    commit: Commit

    def encode(self) -> bytes:
        """Return the bytes; equal commits give equal bytes."""
        fields = {name: getattr(self.commit, name) for name in _KINDS if name != "project"}
        return preimage("manifest", fields | {"project": self.project})

    @property
    def digest(self) -> Digest:
        """The digest of the bytes."""
        return digest_bytes(self.encode())


def decode(data: bytes, digest: str) -> Manifest:
    """Read a manifest; raises BadInputError if it is not what its digest says, or none at all."""
    if digest_bytes(data) != digest:
        raise BadInputError(
            "Expected a commit as it was written.", received=f"other bytes than {digest}"
        )
    try:
        fields: dict[str, Any] = json.loads(data)[1]
        wrong = [name for name, kind in _KINDS.items() if not isinstance(fields[name], kind)]
        project = fields.pop("project")
        json.loads(fields["provenance"])["kind"]
        manifest = Manifest(project, Commit(**fields))
    except (ValueError, LookupError, TypeError) as error:
        raise BadInputError("Expected the manifest of a commit.", received=error) from error
    plain = (
        not wrong
        and is_digest(fields["tree"])
        and _NAME.fullmatch(fields["repo"])
        and _NAME.fullmatch(fields["id"])
        and fields["purged"] in ("", FILES, WHOLE, DELETED)
    )
    if not plain or manifest.encode() != data:
        raise BadInputError(
            "Expected the manifest of a commit.", received=f"{digest}: {', '.join(wrong) or 'odd'}"
        )
    return manifest


def name_of(commit: Commit) -> tuple[str, CommitId]:
    """Return what a commit is known by within its project."""
    return commit.repo, commit.id
