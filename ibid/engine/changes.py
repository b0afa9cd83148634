"""How a pipeline's key differs from that of its newest output, in words, first cause first."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ibid.engine.work import Work
from ibid.spec.preimage import Digest, digest_bytes
from ibid.spec.sources import Source
from ibid.store.commits import Commit, Store
from ibid.store.objects import MissingObjectError
from ibid.store.trees import FOLDER, Entry

_WILD = re.compile(r"[*?\[{(@+!\\]")  # where a glob stops being a plain path


def is_as_before(before: dict[str, Any], work: Work, request: bytes) -> bool:
    """Tell without looking at a datum that every key is as it was; where not, they may yet be."""
    held = [source.repo for source in work.spec.sources if source.repo in work.heads]
    return (
        before["spec_record"] == digest_bytes(request)
        and before["spec"] == work.spec.meaning() | work.spec.recovery()
        and [then["repo"] for then in before["inputs"]] == held
        and before["code"] == work.code.digest
        and before["environment"] == work.environment_digest
        and all(_selects_the_same(then, work) for then in before["inputs"])
    )


def _selects_the_same(then: dict[str, Any], work: Work) -> bool:
    """Tell whether the folder that a glob begins with, or the one file that it names, is equal."""
    glob, now = then["glob"], work.heads[then["repo"]].tree
    if then["digest"] == now:
        return True
    folder = fixed_part(glob)
    new = work.store.trees.find(now, folder)
    try:
        old = work.store.trees.find(then["digest"], folder)
    except MissingObjectError:  # purged, or deleted and collected
        return False
    return old is not None and new is not None and old.digest == new.digest


def fixed_part(glob: str) -> str:
    """Return the folder that a glob begins with, or the one file that it names."""
    fixed = _WILD.split(glob)[0]
    return fixed if fixed == glob else fixed.rpartition("/")[0]


def differences(before: dict[str, Any], work: Work) -> list[str]:
    """Name the parts of the key that changed, first cause first."""
    found = [*_input_differences(before, work)]
    if before["code"] != work.code.digest:
        found += _tree_differences("", before["code"], work.code.digest, work.store)
    if before["environment"] != work.environment_digest:
        stored = json.loads(work.store.objects.read(before["environment_record"]))
        found += flat_differences(stored, work.environment)
    said = work.spec.meaning() | work.spec.recovery()
    if before["spec"] != said:
        found += flat_differences(before["spec"], said, "spec ")
    return found or ["the datums are others"]


def _input_differences(before: dict[str, Any], work: Work) -> list[str]:
    found: list[str] = []
    for source in work.spec.sources:
        head = work.heads.get(source.repo)
        then = next((i for i in before["inputs"] if _is_of(i, source)), None)
        if head is None:  # a part of a union, say, whose repo holds nothing
            found += [f"{source.name}: {source.repo} holds nothing any more"] if then else []
        elif then is None:
            found.append(f"{source.name}: a new input")
        elif then["digest"] != head.tree:
            found += _source_differences(source.name, source.glob.pattern, then, head, work.store)
    now = {source.name for source in work.spec.sources}
    gone = dict.fromkeys(then["name"] for then in before["inputs"] if then["name"] not in now)
    return found + [f"{name}: no longer an input" for name in gone]


def _is_of(given: dict[str, Any], source: Source) -> bool:
    """Tell whether a recorded input was this one: parts of a union may share a name."""
    there = (given["name"], given["repo"], given["glob"])
    return there == (source.name, source.repo, source.glob.pattern)


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
    if literal.endswith(".json") and old.digest in store.objects:  # else it was purged
        with suppress(
            ValueError, RecursionError
        ):  # what calls itself JSON may be none: it changed, no more
            then_value, now_value = (json.loads(store.objects.read(e.digest)) for e in (old, new))
            return flat_differences(then_value, now_value, f"{name}{literal}: ")
    return [f"{name}:{literal.lstrip('/')} changed"]


def _tree_differences(prefix: str, old: Digest, new: Digest, store: Store) -> list[str]:
    """Summarise how two trees differ: a few names, then counts."""
    changed = sorted(store.trees.compare(old, new), key=lambda change: change[0])
    words = [f"{prefix}{path.lstrip('/')} {verb(then, now)}" for path, then, now in changed]
    return words if len(words) <= 3 else [*words[:2], f"{prefix}and {len(words) - 2} more files"]


def verb(then: Entry | None, now: Entry | None) -> str:
    """Say what became of an entry."""
    return "is new" if then is None else "is gone" if now is None else "changed"


def environment_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say `numpy 2.1.2 -> 2.1.3` of a package, and `threads 2 -> 8` of the machine."""
    packages = [{n: v.split(" ") for n, v in t.get("packages", {}).items()} for t in (then, now)]
    for name in sorted({*packages[0], *packages[1]}):
        old, new = (each.get(name, ["absent", ""]) for each in packages)
        if old != new:
            same = old[0] == new[0]
            yield f"{name} {old[0]}: other files" if same else f"{name} {old[0]} -> {new[0]}"
    rest = [{n: v for n, v in t.items() if n != "packages"} for t in (then, now)]
    for line in flat_differences(rest[0], rest[1]):
        yield line.removeprefix("machine.")


def flat_differences(old: Any, new: Any, prefix: str = "") -> list[str]:
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
