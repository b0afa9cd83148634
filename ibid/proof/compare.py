"""Two commits side by side: their metrics, and the parameters behind them that differ."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ibid.engine.changes import flatten
from ibid.proof.lineage import lineage
from ibid.store.commits import Commit, Store
from ibid.store.trees import FILE


@dataclass(frozen=True, slots=True)
class Row:
    """One name with its value on either side; None where it is absent."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `ibid compare` shows."""

    metrics: list[Row]
    parameters: list[Row]


def compare(store: Store, a: Commit, b: Commit, files: Sequence[str] = ()) -> Comparison:
    """Compare two commits.

    Args:
        store: the store that holds both.
        a: one commit.
        b: the other, of the same repo or not.
        files: JSON files of metrics; default: every JSON file at the top of either commit.

    Returns:
        every number of those files, and every parameter that differs.
    """
    metrics = _rows(*(_metrics(store, commit, files) for commit in (a, b)))
    behind = (flatten(lineage(store, commit).parameters()) for commit in (a, b))
    parameters = [row for row in _rows(*behind) if row.a != row.b]
    return Comparison([row for row in metrics if _is_number(row.a, row.b)], parameters)


def _metrics(store: Store, commit: Commit, files: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in store.trees.read(commit.tree):
        wanted = entry.name in files if files else entry.name.endswith(".json")
        if entry.kind == FILE and wanted:
            found |= flatten(json.loads(store.objects.read(entry.digest)))
    return found


def _rows(a: dict[str, Any], b: dict[str, Any]) -> list[Row]:
    return [Row(name, a.get(name), b.get(name)) for name in sorted({*a, *b})]


def _is_number(*values: Any) -> bool:
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
