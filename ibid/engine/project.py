"""The project at hand: its root, its compiled pipeline, its home."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibid.compile.files import FOLDER, INDEX
from ibid.spec.preimage import digest_bytes
from ibid.spec.spec import Spec, read_spec
from ibid.stage.contract import UsageError
from ibid.store.home import Home


@dataclass(frozen=True, slots=True)
class Project:
    """A pipeline with the folder it stands in.

    `index` is what `generated/pipeline.json` says; `specs` are in the order of the DAG.
    """

    root: Path
    name: str
    home: Home
    index: dict[str, Any]
    specs: dict[str, Spec]
    requests: dict[str, bytes]

    @property
    def folder(self) -> Path:
        """`pipelines/NAME`."""
        return self.root / "pipelines" / self.name

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """The input repos by name: `description`, `layout`, `initial`."""
        repos: dict[str, dict[str, Any]] = self.index["inputs"]
        return repos


def find(start: Path, name: str | None = None) -> tuple[Path, str]:
    """Find the project's root at or above a folder, and the pipeline meant.

    Args:
        start: where to begin, usually the current folder.
        name: the pipeline; default `IBID_PIPELINE`, else the only one there is.

    Raises:
        UsageError: if there is no pipeline, several to choose from, or none of that name.
    """
    for root in (start, *start.parents):
        names = sorted(path.parent.name for path in root.glob("pipelines/*/pipeline.yaml"))
        if names:
            return root, _choose(names, name or os.environ.get("IBID_PIPELINE"))
    raise UsageError(
        "Expected a folder pipelines/NAME with a pipeline.yaml, here or above.", received=start
    )


def load(start: Path, name: str | None = None) -> Project:
    """Load the compiled pipeline; raises UsageError if it is not what pipeline.yaml says now."""
    root, name = find(start, name)
    folder = root / "pipelines" / name
    generated = folder / FOLDER
    hint = f"ibid specs --pipeline {name}"
    if not (generated / INDEX).exists():
        raise UsageError(f"Expected compiled specs in {generated}.", received="none", hint=hint)
    index = json.loads((generated / INDEX).read_bytes())
    if index["source"] != digest_bytes((folder / "pipeline.yaml").read_bytes()):
        raise UsageError(
            f"Expected the specs in {generated} to be compiled from pipeline.yaml as it is.",
            received="a pipeline.yaml that has changed since",
            hint=hint,
        )
    requests = {
        pipeline: (generated / "pachyderm" / f"{pipeline}.json").read_bytes()
        for pipeline in index["order"]
    }
    specs = {pipeline: read_spec(json.loads(data)) for pipeline, data in requests.items()}
    home = Home(Path(os.environ.get("IBID_HOME") or root / ".ibid").absolute())
    return Project(root, name, home, index, specs, requests)


def _choose(names: list[str], name: str | None) -> str:
    if name in names:
        return name
    if name is None and len(names) == 1:
        return names[0]
    raise UsageError(
        f"Expected one of the pipelines {', '.join(names)}.",
        received=name or "no choice",
        hint=f"add --pipeline {names[0]}, or set IBID_PIPELINE",
    )
