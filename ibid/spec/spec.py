"""A Pachyderm spec as the embedded engine reads it.

Every field is honoured, cluster-only (`ibid plan` shows it), or refused by its name; none is
ignored in silence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ibid.spec.quantity import parse_bytes
from ibid.spec.secret import Secret, read_secret
from ibid.spec.sources import Input, Source, leaves, read_input
from ibid.stage.contract import UsageError

ANNOTATION = "ibid/"
# Variables that say where a stage is and what it may import.
RESERVED = frozenset(
    {
        *("HOME", "TMPDIR", "PFS_ROOT", "SECRETS_ROOT", "DATUM_SOCKET", "IBID_MODULES"),
        "IBID_SETTING",
        "STATE_FOLDER",
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONNOUSERSITE"),
    }
)

# Honoured here, by path; a value that is a mapping of the user's own is not looked into.
HONOURED = {
    "pipeline.name",
    "description",
    "metadata.annotations",
    "transform.cmd",
    "transform.stdin",
    "transform.env",
    "transform.accept_return_code",
    "transform.err_cmd",
    "transform.err_stdin",
    "transform.secrets",
    "transform.datum_batching",
    "input",
    "parallelism_spec.constant",
    "resource_requests.cpu",
    "datum_tries",
    "datum_timeout",
    "job_timeout",
    "resource_limits.memory",
    "resource_limits.disk",
    "service.internal_port",
}
# Means something to a cluster only.
CLUSTER_ONLY = {
    "metadata.labels",
    "transform.image",
    "transform.image_pull_secrets",
    "resource_requests.memory",
    "resource_requests.disk",
    "resource_requests.gpu",
    "resource_limits.cpu",
    "resource_limits.gpu",
    "sidecar_resource_requests",
    "sidecar_resource_limits",
    "autoscaling",
    "scheduling_spec",
    "tolerations",
    "pod_patch",
    "service.external_port",
    "service.type",
    "service.ip",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """One pipeline, as the engine runs it."""

    name: str
    description: str
    cmd: tuple[str, ...]
    stdin: tuple[str, ...]
    err_cmd: tuple[str, ...]
    err_stdin: tuple[str, ...]
    secrets: tuple[Secret, ...]
    env: Mapping[str, str]
    accept: frozenset[int]
    batching: bool
    input: Input
    parallelism: int
    cpu: float
    tries: int
    timeout: float | None
    job_timeout: float | None
    memory_limit: int | None
    disk_limit: int | None
    network: bool
    port: int | None
    component: str | None
    extra: str | None
    machine: bool
    effect: bool
    files: tuple[str, ...]
    metrics: tuple[str, ...]
    differ: str | None
    cluster_only: tuple[str, ...]

    @property
    def sources(self) -> list[Source]:
        """The `pfs` and `cron` inputs, left to right."""
        return list(leaves(self.input))

    def meaning(self) -> dict[str, Any]:
        """Say what of the spec can change a result: this is what goes into a datum's key.

        Of a secret that is where it comes from and goes to, never its value.
        """
        said: dict[str, Any] = {
            "cmd": list(self.cmd),
            "stdin": list(self.stdin),
            "env": dict(self.env),
            "accept_return_code": sorted(self.accept),
        }
        if self.secrets:
            said["secrets"] = [asdict(secret) for secret in self.secrets]
        if self.network:
            said["network"] = True
        return said

    def recovery(self) -> dict[str, Any]:
        """Say what decides which failed datums a job may do without: part of a job's key."""
        if not self.err_cmd:
            return {}
        return {"err_cmd": list(self.err_cmd), "err_stdin": list(self.err_stdin)}


def read_spec(request: Mapping[str, Any]) -> Spec:
    """Read a CreatePipelineRequest in snake_case; raises UsageError for a field unknown here."""
    name = str(_required(request, "pipeline", "name"))
    transform = request.get("transform", {})
    annotations = request.get("metadata", {}).get("annotations", {})
    facts = {
        key.removeprefix(ANNOTATION): value
        for key, value in annotations.items()
        if key.startswith(ANNOTATION)
    }
    inputs = read_input(name, _required(request, "input"))
    secrets = tuple(read_secret(name, secret) for secret in transform.get("secrets", ()))
    _refuse_reserved(name, transform.get("env", {}), "env")
    _refuse_reserved(name, [secret.env_var for secret in secrets], "a secret's env_var")
    _refuse_reserved(name, [source.name for source in leaves(inputs)], "an input's name")
    lazy = ["input.pfs.lazy"] if any(source.lazy for source in leaves(inputs)) else []
    return Spec(
        name=name,
        description=request.get("description", ""),
        cmd=tuple(_required(request, "transform", "cmd")),
        stdin=tuple(transform.get("stdin", ())),
        err_cmd=tuple(transform.get("err_cmd", ())),
        err_stdin=tuple(transform.get("err_stdin", ())),
        secrets=secrets,
        env=transform.get("env", {}),
        accept=frozenset({0, *transform.get("accept_return_code", ())}),
        batching=transform.get("datum_batching", False),
        input=inputs,
        parallelism=request.get("parallelism_spec", {}).get("constant", 1),
        cpu=request.get("resource_requests", {}).get("cpu", 1),
        tries=request.get("datum_tries", 3),
        timeout=_seconds(request, "datum_timeout"),
        job_timeout=_seconds(request, "job_timeout"),
        memory_limit=_limit(request, "memory"),
        disk_limit=_limit(request, "disk"),
        network=facts.get("network") == "true",
        port=request.get("service", {}).get("internal_port"),
        component=facts.get("component"),
        extra=facts.get("environment"),
        machine=facts.get("machine") == "true",
        effect=facts.get("effect") == "true",
        files=tuple(facts.get("files", "").split()),
        metrics=tuple(facts.get("metrics", "").split()),
        differ=facts.get("differ"),
        cluster_only=(*_cluster_only(name, request), *lazy),
    )


def _refuse_reserved(pipeline: str, names: Iterable[str], where: str) -> None:
    """Refuse to let a pipeline replace what holds its stage to its key and its folders."""
    if taken := sorted(RESERVED.intersection(names)):
        raise UsageError(
            f"Expected other names in '{pipeline}': each is a variable that the engine sets.",
            received=f"{', '.join(taken)}, as {where}",
            hint="choose another name in pipeline.yaml, then ibid specs",
        )


def _cluster_only(name: str, request: Mapping[str, Any]) -> Iterator[str]:
    """Sort every field into its table."""
    for path in _paths(request):
        known = next((p for p in (path, path.partition(".")[0]) if p in HONOURED), None)
        if known:
            continue
        if path in CLUSTER_ONLY or path.partition(".")[0] in CLUSTER_ONLY:
            yield path
        else:
            raise UsageError(
                f"Expected in the spec of '{name}' only fields that the embedded engine knows.",
                received=path,
                hint="run this pipeline on Pachyderm, or leave the field out",
            )


def _paths(request: Mapping[str, Any]) -> Iterator[str]:
    """List a request's fields, two levels deep."""
    for key, value in request.items():
        if isinstance(value, Mapping) and key != "input":
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield key


def _required(request: Mapping[str, Any], *path: str) -> Any:
    value: Any = request
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        raise UsageError(f"Expected a spec with {'.'.join(path)}.", received="none")
    return value


def _seconds(request: Mapping[str, Any], field: str) -> float | None:
    if field not in request:
        return None
    duration = str(request[field])
    if not re.fullmatch(r"\d+(\.\d+)?s", duration) or float(duration.removesuffix("s")) == 0:
        raise UsageError(f"Expected {field} in seconds, more than 0, as 600s.", received=duration)
    return float(duration.removesuffix("s"))


def _limit(request: Mapping[str, Any], resource: str) -> int | None:
    amount = request.get("resource_limits", {}).get(resource)
    return None if amount is None else parse_bytes(str(amount))
