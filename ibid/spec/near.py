"""What a mistyped name may have meant."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to a mistyped one, if any is near."""
    return next(iter(difflib.get_close_matches(name, [*known], n=1, cutoff=0.6)), None)
