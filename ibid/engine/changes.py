"""How a pipeline's key differs from that of its newest output, in words, first cause first."""

import json
from collections.abc import Mapping
from typing import Any

from ibid.engine.work import Work
from ibid.spec.preimage import Digest
from ibid.store.commits import Commit, Store
from ibid.store.trees import FOLDER


def differences(before: dict[str, Any], work: Work) -> list[str]:
    """Name the parts of the key that changed, first cause first."""
    found = [*_input_differences(before, work)]
    if before["code"] != work.code.digest:
        found += _tree_differences("", before["code"], work.code.digest, work.store)
    if before["environment"] != work.environment_digest:
        stored = json.loads(work.store.objects.read(before["environment_record"]))
        found += _flat_differences(stored, work.environment)
    if before["spec"] != work.spec.meaning():
        found += _flat_differences(before["spec"], work.spec.meaning(), "spec ")
    return found or ["the datums are others"]


def _input_differences(before: dict[str, Any], work: Work) -> list[str]:
    found: list[str] = []
    for source in work.spec.sources:
        head = work.heads[source.repo]
        then = next((i for i in before["inputs"] if i["name"] == source.name), None)
        if then is None:
            found.append(f"{source.name}: a new input")
        elif then["digest"] != head.tree:
            found += _source_differences(source.name, source.glob.pattern, then, head, work.store)
    return found


def _source_differences(
    name: str, glob: str, then: dict[str, Any], head: Commit, store: Store
) -> list[str]:
    """Name what changed among the files that the glob selects."""
    if then["digest"] not in store.objects:  # purged, or deleted and collected
        return [f"{name} changed; what it was is not in the store any more"]
    literal = glob if "*" not in glob else "/"
    old, new = (store.trees.find(tree, literal) for tree in (then["digest"], head.tree))
    if old is None or new is None:
        return [f"{name}:{literal.lstrip('/')} {'is new' if new else 'is gone'}"]
    if old.digest == new.digest:
        return []
    if new.kind == FOLDER and old.kind == FOLDER:
        inner = "" if literal == "/" else f"{literal.strip('/')}/"
        return _tree_differences(f"{name}:{inner}", old.digest, new.digest, store)
    if literal.endswith(".json"):
        then_value, now_value = (json.loads(store.objects.read(e.digest)) for e in (old, new))
        return _flat_differences(then_value, now_value, f"{name}{literal}: ")
    return [f"{name}:{literal.lstrip('/')} changed"]


def _tree_differences(prefix: str, old: Digest, new: Digest, store: Store) -> list[str]:
    """Summarise how two trees differ: a few names, then counts."""
    then, now = (
        {path: entry.digest for path, entry in store.trees.walk(tree) if entry.kind == "file"}
        for tree in (old, new)
    )
    paths = sorted(path for path in {*then, *now} if then.get(path) != now.get(path))
    words = [f"{prefix}{path.lstrip('/')} {_verb(path, then, now)}" for path in paths]
    return words if len(words) <= 3 else [*words[:2], f"{prefix}and {len(words) - 2} more files"]


def _verb(path: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    return "is new" if path not in then else "is gone" if path not in now else "changed"


def _flat_differences(old: Any, new: Any, prefix: str = "") -> list[str]:
    """Name the leaves of two JSON values that differ, as `name: old -> new`."""
    then, now = flatten(old), flatten(new)
    return [
        f"{prefix}{name} {_shown(then, name)} -> {_shown(now, name)}"
        for name in sorted({*then, *now})
        if _shown(then, name) != _shown(now, name)
    ]


def _shown(leaves: Mapping[str, Any], name: str) -> str:
    return json.dumps(leaves[name]) if name in leaves else "absent"


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten nested objects to `a.b.c`; lists stay values."""
    if not isinstance(value, dict):
        return {prefix: value}
    leaves: dict[str, Any] = {}
    for name, inner in value.items():
        leaves |= flatten(inner, f"{prefix}.{name}" if prefix else str(name))
    return leaves
