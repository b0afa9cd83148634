"""Statements: what somebody attests of a commit, kept beside it and outside of its digest.

Each is an in-toto Statement (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)
as JSON. The store reads of it which commit it is about, and nothing else.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ibid.spec.preimage import Digest, digest_bytes
from ibid.stage.contract import BadInputError
from ibid.store.commits import Commit, CommitId, Store

TYPE = "https://in-toto.io/Statement/v1"
LARGEST = 16 << 20  # bytes of one from elsewhere


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it was written, and the commit that it is about."""

    repo: str
    id: CommitId
    tree: Digest
    data: bytes

    @property
    def digest(self) -> Digest:
        """The digest of the bytes."""
        return digest_bytes(self.data)


def read(data: bytes) -> Statement:
    """Read a statement; raises BadInputError if it is none, or not about one commit."""
    try:
        told = json.loads(data)
        (subject,) = told["subject"]
        repo, _, commit = subject["name"].partition("@")
        tree = subject["digest"]["sha256"]
        if told["_type"] != TYPE:
            raise ValueError(told["_type"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadInputError(
            "Expected an in-toto Statement about one commit.", received=error
        ) from error
    return Statement(repo, CommitId(commit), Digest(tree), data)


def add(store: Store, statements: Iterable[Statement]) -> None:
    """Keep statements about commits that are here, with the digest that is said of them.

    None about one of which files are gone: it may name them.
    """
    with store.database.transaction():
        for each in statements:
            commit = store.get(each.repo, each.id)
            if commit and not commit.purged and commit.tree == each.tree:
                store.database.execute(
                    "INSERT OR IGNORE INTO statements VALUES (?, ?, ?, ?, ?)",
                    (store.project, each.repo, each.id, each.digest, each.data.decode()),
                )


def every(store: Store) -> list[Statement]:
    """List all statements of a project."""
    rows = store.database.query("SELECT text FROM statements WHERE project = ?", (store.project,))
    return [read(row["text"].encode()) for row in rows]


def about(store: Store, commit: Commit) -> list[Statement]:
    """List the statements about a commit, in the order in which they came."""
    rows = store.database.query(
        "SELECT text FROM statements WHERE project = ? AND repo = ? AND id = ? ORDER BY rowid",
        (store.project, commit.repo, commit.id),
    )
    return [read(row["text"].encode()) for row in rows]


def forget(store: Store, commit: Commit) -> None:
    """Remove the statements about a commit: they name its files."""
    store.database.execute(
        "DELETE FROM statements WHERE project = ? AND repo = ? AND id = ?",
        (store.project, commit.repo, commit.id),
    )
