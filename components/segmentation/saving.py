"""A saved model whose bytes are a function of the network and of nothing else.

Keras writes the time of saving into `metadata.json`, memory addresses into `config.json` (as
`shared_object_id`) and times into the zip: they are taken out, and the file still loads.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

from ibid.stage import canonical

VOLATILE = {"date_saved", "shared_object_id"}


def save(model: Any, path: Path) -> None:
    """Write an uncompiled `keras.Model` as a canonical `.keras` file."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    canonical.write_zip(path, {name: _stable(name, content) for name, content in members.items()})


def _stable(name: str, content: bytes) -> bytes:
    if not name.endswith(".json"):
        return content
    return canonical.json_bytes(_without(json.loads(content)))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [_without(item) for item in value]
    return value
