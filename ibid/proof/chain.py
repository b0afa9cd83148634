"""The commits behind one, each after those that it was made from; what is there of them."""

from ibid.engine.record import cited
from ibid.stage.contract import BadInputError
from ibid.store.commits import Commit, Store


def chain(store: Store, commit: Commit) -> list[Commit]:
    """List a commit and all that it was made from, causes first.

    Raises:
        BadInputError: if bytes of one of them are gone.
    """
    ordered: dict[tuple[str, str], Commit] = {}

    def visit(one: Commit) -> None:
        if (one.repo, one.id) in ordered:
            return
        if one.purged:
            raise BadInputError(
                f"Expected {commit.address} with all that is behind it.",
                received=f"{one.address}, bytes of which are {one.purged} gone",
                hint=f"ibid lineage {commit.address}",
            )
        for cause in cited(one.provenance).causes:
            visit(store.resolve(cause.repo, cause.commit))
        ordered[one.repo, one.id] = one

    visit(commit)
    return list(ordered.values())
