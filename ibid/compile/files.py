"""The folder `generated/`: every compiled file by name, written, read and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibid.compile import pachyderm
from ibid.spec.preimage import digest_bytes
from ibid.stage.canonical import json_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from ibid.spec.pipeline import Workflow

INDEX = "pipeline.json"
FOLDER = "generated"


def compile_workflow(workflow: Workflow, source: bytes) -> dict[str, bytes]:
    """Compile a workflow to its files, by path below `generated/`.

    Args:
        workflow: what pipeline.yaml says.
        source: the bytes of pipeline.yaml, whose digest tells whether the files are fresh.
    """
    files = {INDEX: json_bytes(_index(workflow, source))}
    for pipeline in workflow.pipelines:
        spec = pachyderm.compile_pipeline(workflow, pipeline)
        files[f"pachyderm/{pipeline.name}.json"] = json_bytes(spec)
    return files


def write(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Make a folder hold exactly these files; returns the paths that changed."""
    changed = stale(folder, files)
    for path in changed:
        target = folder / path
        if path in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[path])
        else:
            target.unlink()
    return changed


def stale(folder: Path, files: dict[str, bytes]) -> list[str]:
    """List the paths whose content is not what would be compiled now."""
    there = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(path for path in {*there, *files} if there.get(path) != files.get(path))


def _index(workflow: Workflow, source: bytes) -> dict[str, Any]:
    """Say what the specs do not: the input repos, the order, and what the command line shows."""
    whole = workflow.model_dump(mode="json", exclude={"pipelines", "environments", "image"})
    crons = {
        repo: {"description": f"The ticks of {pipeline}'s cron.", "layout": "cron", "initial": None}
        for repo, pipeline in workflow.cron_repos().items()
    }
    whole["inputs"] |= crons
    return {**whole, "order": workflow.order(), "source": digest_bytes(source)}
