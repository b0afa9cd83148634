"""What pydantic found wrong, in words for people: where, what was expected, what may be meant."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ibid.spec.near import did_you_mean

_WORDS = (
    (r"^Value error, ", ""),
    (r"^Keys should be strings$", "expected text as a key"),
    (r"^Input should be a finite number$", "expected a finite number"),
    (r"^Field required$", "expected, but missing"),
    (r"^Extra inputs are not permitted$", "unknown key"),
    (r"^Input should be ", "expected "),
    (
        r"^Input should have timezone info$",
        "expected a time with its zone, as 2024-01-31T06:00:00Z",
    ),
    (r"^String should match pattern ", "expected a name or text that matches "),
    (r"a valid (dictionary or (instance|object).*|dictionary)$", "a mapping"),
    (r"a valid tuple$", "a list"),
    (r"a valid integer.*", "an integer"),
    (r"a valid ", "a "),
    (r"^\w+ should have (at least \d+ items?).*", r"expected \1"),
)


class MisplacedError(ValueError):
    """Something wrong with the whole that is best shown at one place in it."""

    def __init__(self, message: str, *at: int | str) -> None:
        super().__init__(message)
        self.at = at


def explain(error: ValidationError, text: str, known: Sequence[str] = ()) -> list[str]:
    """Turn each finding into a line that begins with the number of its line in a YAML text.

    Args:
        error: what pydantic raised.
        text: the YAML that was read.
        known: keys, one of which an unknown one may mean.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    lines = []
    for finding in _findings(error):
        number, parts = _place(root, _location(finding))
        lines.append(f"line {number}: {_sentence(finding, parts, (parts or [''])[-1], known)}")
    return lines


def explain_by(
    error: ValidationError, origin: Callable[..., str], known: Sequence[str] = ()
) -> list[str]:
    """Turn each finding into a line that begins with where its value comes from.

    What many sections take from one place, under one name, is told once.

    Args:
        error: what pydantic raised.
        origin: says of a location where its value comes from.
        known: dotted names, one of which an unknown one may mean.
    """
    told: dict[tuple[str, ...], str] = {}
    for finding in _findings(error):
        parts = [str(part) for part in _location(finding)]
        source = origin(*parts)
        sentence = _sentence(finding, parts, ".".join(parts), known)
        about = (source, *parts[-1:], sentence.partition(": ")[2])
        told.setdefault(about, f"{source}: {sentence}")
    return list(told.values())


def _findings(error: ValidationError) -> list[Any]:
    """List what was found, but no list that is too short for want of what is wrong in it."""
    found = error.errors()
    places = [tuple(finding["loc"]) for finding in found]
    return [
        finding
        for finding, at in zip(found, places, strict=True)
        if finding["type"] != "too_short"
        or not any(len(place) > len(at) and place[: len(at)] == at for place in places)
    ]


def _location(finding: Any) -> list[int | str]:
    cause = finding.get("ctx", {}).get("error")
    loc = cause.at if isinstance(cause, MisplacedError) else finding["loc"]
    return [part for part in loc if part != "[key]"]


def _sentence(finding: Any, parts: Sequence[str], name: str, known: Sequence[str]) -> str:
    """Say where it is, what was expected, what was received, and what the name may mean."""
    where = ".".join(parts) or "the whole"
    message = finding["msg"]
    for pattern, words in _WORDS:
        message = re.sub(pattern, words, message)
    if finding["type"] == "extra_forbidden":
        near = did_you_mean(name, known)
        message += f"; did you mean {near}?" if near else ""
    ours = finding["type"] == "value_error" and isinstance(finding["input"], dict)
    if finding["type"] not in ("missing", "extra_forbidden") and not ours:
        message += f", received {_shown(finding['input'])}"
    return f"{where}: {message}"


def _shown(value: Any) -> str:
    """Say what came instead: a short value itself, of a larger one its kind."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, datetime):
        return repr(value.isoformat())
    return "nothing" if value is None else repr(value)


def leaf_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """List every parameter of a nested model by its dotted name."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaf_names(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _place(root: yaml.Node | None, loc: Sequence[int | str]) -> tuple[int, list[str]]:
    """Find a location's line and its words; of a missing key, the line of what should hold it.

    An item of a list is called by its name, where it has one.
    """
    node, line, parts = root, 0, []
    for part in loc:
        word = str(part)
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == word), None)
            node = pair[1] if pair else None
            line = pair[0].start_mark.line if pair else line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
            word = _name_of(node) or word
        else:
            node = None
        parts.append(word)
    return line + 1, parts


def _name_of(node: yaml.Node) -> str | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value.value for key, value in pairs if key.value == "name" and value.value), None)


def repeated_keys(text: str) -> list[str]:
    """List the keys that stand twice in one mapping of a YAML text, each as a line.

    YAML's loader keeps the last and drops the others in silence.
    """
    return list(_repeated(yaml.compose(text, yaml.SafeLoader)))


def _repeated(node: yaml.Node | None) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in first:
                    yield (
                        f"line {line}: {key.value}: expected once, "
                        f"stands on line {first[key.value]} already"
                    )
                first.setdefault(key.value, line)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
