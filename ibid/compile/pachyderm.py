"""Pachyderm 2.11 specs: what the embedded engine runs too, so that what is tested is what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibid.spec.sources import cron_repo
from ibid.spec.spec import ANNOTATION
from ibid.stage.worker import BATCHING

if TYPE_CHECKING:  # pydantic is for those who compile, not for those who run
    from ibid.spec.input import Cron, Input, Pfs
    from ibid.spec.pipeline import Pipeline, Workflow


def compile_pipeline(workflow: Workflow, pipeline: Pipeline) -> dict[str, Any]:
    """Return one pipeline's CreatePipelineRequest, in Pachyderm's snake_case form."""
    spec: dict[str, Any] = {
        "pipeline": {"name": pipeline.name},
        "description": pipeline.description,
        "metadata": {"annotations": _annotations(workflow, pipeline)},
        "transform": _transform(workflow, pipeline),
        "input": _input(workflow, pipeline),
        "parallelism_spec": {"constant": pipeline.parallelism},
        "resource_requests": pipeline.resources.model_dump(),
        "datum_tries": pipeline.tries,
    }
    if pipeline.timeout:
        spec["datum_timeout"] = pipeline.timeout
    if pipeline.job_timeout:
        spec["job_timeout"] = pipeline.job_timeout
    if pipeline.limits:
        spec["resource_limits"] = pipeline.limits.model_dump(exclude_none=True)
    if pipeline.service:
        spec["service"] = pipeline.service.model_dump() | {"type": "ClusterIP"}
    else:
        spec["autoscaling"] = True
    return spec


def _annotations(workflow: Workflow, pipeline: Pipeline) -> dict[str, str]:
    """Carry what Pachyderm has no field for; Kubernetes keeps annotations without reading them."""
    environment = workflow.environments[pipeline.environment]
    facts = {
        "component": pipeline.component,
        "environment": environment.extra,
        "machine": "true" if environment.machine else None,
        "effect": "true" if pipeline.effect else None,
        "network": "true" if pipeline.network else None,
        "files": " ".join(pipeline.files),
        "differ": pipeline.differ,
        "metrics": " ".join(pipeline.metrics),
    }
    return {f"{ANNOTATION}{name}": value for name, value in facts.items() if value}


def _transform(workflow: Workflow, pipeline: Pipeline) -> dict[str, Any]:
    command = pipeline.cmd or ("python", "-m", str(pipeline.component))
    transform: dict[str, Any] = {
        "image": workflow.image,
        "cmd": list(command),
        # The interpreter reads it when it starts, so no stage can set it for itself.
        "env": {"PYTHONHASHSEED": "0"} | pipeline.env,
    }
    if pipeline.batch:
        transform["datum_batching"] = True
        transform["env"][BATCHING] = "true"
    for field in ("accept_return_code", "stdin", "err_cmd", "err_stdin"):
        if value := getattr(pipeline, field):
            transform[field] = list(value)
    if pipeline.secrets:
        transform["secrets"] = [secret.model_dump(exclude_none=True) for secret in pipeline.secrets]
    return transform


def _input(workflow: Workflow, pipeline: Pipeline) -> dict[str, Any]:
    """Cross the pipeline's own input with its file of parameters."""
    if workflow.parameters is None or pipeline.component is None:
        return _part(pipeline, pipeline.input)
    params = {"pfs": {"repo": "params", "name": "params", "glob": f"/{pipeline.name}.json"}}
    own = pipeline.input.cross or (pipeline.input,)
    return {"cross": [*(_part(pipeline, part) for part in own), params]}


def _part(pipeline: Pipeline, part: Input) -> dict[str, Any]:
    if part.pfs:
        return {"pfs": _pfs(part.pfs)}
    if part.cron:
        return {"cron": _cron(pipeline, part.cron)}
    return {part.kind: [_part(pipeline, inner) for inner in part.parts]}


def _cron(pipeline: Pipeline, cron: Cron) -> dict[str, Any]:
    repo = cron_repo(pipeline.name, cron.name, cron.repo)
    named = cron.model_copy(update={"repo": repo})
    return named.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def _pfs(pfs: Pfs) -> dict[str, Any]:
    named = pfs if pfs.name else pfs.model_copy(update={"name": pfs.repo})
    return named.model_dump(exclude_none=True)
