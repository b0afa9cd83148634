"""The one module that makes the bytes that get hashed.

A pre-image is JSON with sorted keys, UTF-8, no spaces and no NaN; a type tag with its version
stands in front, so that values of two kinds never share a digest.
"""

import hashlib
import json
import re
from typing import Any, NewType

Digest = NewType("Digest", str)
_HEX = re.compile(r"[0-9a-f]{64}")


def preimage(tag: str, value: Any) -> bytes:
    """Encode a tagged value; raises ValueError for NaN and infinities."""
    return json.dumps(
        [f"ibid/{tag}/1", value],
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).encode()


def digest(tag: str, value: Any) -> Digest:
    """Return the SHA-256 of a tagged value, in hex."""
    return digest_bytes(preimage(tag, value))


def digest_bytes(data: bytes) -> Digest:
    """Return the SHA-256 of bytes, in hex."""
    return Digest(hashlib.sha256(data).hexdigest())


def is_digest(value: object) -> bool:
    """Tell whether a value from elsewhere is a digest: it becomes a part of a path."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None
