"""A YAML file as text and as a value, refused by file and line if it is none, or would grow.

A few lines of YAML can stand for more than any memory holds: anchors that repeat one another, or
brackets without end. The sizes of both are known before anything is built from them. It knows no
schema.
"""

from pathlib import Path
from typing import Any

import yaml

from ibid.spec.complaint import repeated_keys
from ibid.stage.contract import UsageError

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_NODES = 100_000  # aliases counted as what they repeat; the pets' pipeline.yaml has 500
_MEND = "mend that file in an editor, and run the same command again"


class _Loader(yaml.SafeLoader):
    """The safe loader; a scalar that is no such date or number is told with its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:
            raise yaml.constructor.ConstructorError(
                None, None, str(error), node.start_mark
            ) from error


def read(path: Path) -> tuple[str, Any]:
    """Read a YAML file; returns its text and its value.

    Raises UsageError with file and line for what is no YAML, holds a key twice, or is larger than
    `MAX_BYTES`, deeper than `MAX_DEPTH` or, its aliases followed, of more than `MAX_NODES` nodes.
    """
    try:
        text = _text(path)
        _bounded(path, text)
        value = yaml.load(text, _Loader)  # noqa: S506 - it is the safe one
        repeated = repeated_keys(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(
            f"Expected YAML in {path}.", received=f"line {line}: {error.problem}", hint=_hint(error)
        ) from error
    except OSError as error:
        raise UsageError(f"Expected YAML, in UTF-8, in {path}.", received=error) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"Expected YAML, in UTF-8, in {path}.", received=error, hint=_MEND
        ) from error
    if repeated:
        raise UsageError(
            f"Expected each key once in {path}.", received="\n".join(repeated), hint=_MEND
        )
    return text, value


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"Expected at most {MAX_BYTES} bytes in {path}.",
            received=f"{path.stat().st_size}",
            hint=_MEND,
        )
    return data.decode("utf-8")


def _bounded(path: Path, text: str) -> None:
    """Count what the text stands for, event by event; raises UsageError where it is too much.

    The parser keeps a stack of its own, so that no text is too deep to be counted.
    """
    sizes: dict[str, int] = {}
    total, opened = 0, list[tuple[str | None, int]]()
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.AliasEvent):
            if any(event.anchor == anchor for anchor, _ in opened):
                raise _refusal(path, event, f"*{event.anchor} stands within &{event.anchor}")
            total += sizes.get(event.anchor or "", 1)  # one of nothing is told by the loader
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            sizes |= {event.anchor: 1} if event.anchor else {}
        if total > MAX_NODES:
            words = f"more than {MAX_NODES} nodes, where *aliases count as what they repeat"
            raise _refusal(path, event, words)
        if len(opened) > MAX_DEPTH:
            raise _refusal(path, event, f"more than {MAX_DEPTH} levels")


def _refusal(path: Path, event: yaml.Event, words: str) -> UsageError:
    line = event.start_mark.line + 1 if event.start_mark else 1
    return UsageError(
        f"Expected YAML of at most {MAX_NODES} nodes and {MAX_DEPTH} levels in {path}.",
        received=f"line {line}: {words}",
        hint=_MEND,
    )


def _hint(error: yaml.MarkedYAMLError) -> str:
    return "indent with spaces" if "'\\t'" in str(error.problem) else _MEND
