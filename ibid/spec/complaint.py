"""What pydantic found wrong, in words for people: where, what was expected, what may be meant."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, text: str = "") -> list[str]:
    """Turn each finding into a line.

    Args:
        error: what pydantic raised.
        text: the YAML that was read; if given, each line begins with its line number.
    """
    return [_line(finding, text) for finding in error.errors()]


def _line(finding: Any, text: str) -> str:
    where = ".".join(str(part) for part in finding["loc"]) or "the whole"
    number = f"line {_line_number(text, finding['loc'])}: " if text else ""
    message = finding["msg"].removeprefix("Value error, ")
    if finding["type"] == "extra_forbidden":
        message = "unknown key"
    elif finding["type"] != "missing" and not isinstance(finding["input"], dict | list | tuple):
        message += f", received {finding['input']!r}"
    return f"{number}{where}: {message}"


def leaf_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """List every parameter of a nested model by its dotted name."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaf_names(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _line_number(text: str, loc: Sequence[int | str]) -> int:
    """Find the line of a location; of a missing key, the line of what should hold it."""
    node = yaml.compose(text, yaml.SafeLoader)
    line = 0
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == str(part)]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return line + 1
