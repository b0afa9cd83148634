"""Amounts of memory and disk, written as Kubernetes writes them."""

import re

from ibid.stage.contract import UsageError

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T|)")
_FACTORS = {"": 1} | {
    prefix + suffix: base**power
    for suffix, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate("kMGT" if base == 1000 else "KMGT", 1)
}


def parse_bytes(text: str) -> int:
    """Read a quantity such as `500M`, `2Gi` or `1000000`, in bytes; raises UsageError."""
    match = _QUANTITY.fullmatch(text)
    number = int(float(match[1]) * _FACTORS[match[2]]) if match else 0
    if number <= 0:
        raise UsageError("Expected an amount such as 500M or 2Gi, more than 0.", received=text)
    return number
