"""Provenance: what is written about a commit, outside its digest."""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import ibid
from ibid.engine.work import Work
from ibid.stage.canonical import json_bytes
from ibid.store.commits import CommitId
from ibid.store.reach import Cause, Cited

VERSION = 1


def of_output(
    work: Work,
    request: bytes,
    job: CommitId,
    *,
    code: int,
    started: float,
    recovered: int,
    warnings: Iterable[str],
    weaker: Iterable[str],
    in_force: Mapping[bytes, Any],
) -> str:
    """Record what made an output: inputs, spec, code, parameters, environment, times.

    `warnings` are the names of those that the job ends with, `weaker` those of the parts of the
    sandbox that the kernel refused; `in_force` is what the stage's processes found in force, empty
    where no datum was run.

    The spec, the environment and what was in force go into the store as objects, so that commits
    share them.
    """
    objects = work.store.objects
    record = {
        "version": VERSION,
        "kind": "output",
        "pipeline": work.spec.name,
        "job": job,
        "key": work.key,
        "spec": work.spec.meaning() | work.spec.recovery(),
        "spec_record": objects.put_bytes(request),
        "effect": work.spec.effect,
        "component": work.spec.component,
        "code": work.code.digest,
        "environment": work.environment_digest,
        "environment_record": objects.put_bytes(json_bytes(work.environment)),
        "in_force": objects.put_bytes(json_bytes([in_force[said] for said in sorted(in_force)])),
        "inputs": _inputs(work),
        "weaker": sorted(weaker),
        "datums": len(work.datums),
        "recovered": recovered,
        "warnings": list(warnings),
        "exit_code": code,
        "started": started,
        "finished": time.time(),
        "ibid": ibid.__version__,
    }
    return json.dumps(record, sort_keys=True)


def carried(provenance: str) -> dict[str, Any]:
    """Return what the next record of a repo of uploads has to say too.

    So that nobody reads all of them: `sequence`, the highest number ever given (the latest upload
    has it), and `replaceable`, the upload that `put --replace` takes away.
    """
    told = json.loads(provenance)
    return {
        name: told[name] for name in ("sequence", "replaceable", "start", "last") if name in told
    }


def of_input(**facts: Any) -> str:
    """Record how an input commit came about.

    Of uploads `upload`, `sequence`, `replaceable`; of parameters `overrides`; of files withdrawn
    `removed`; of a cron `start`, `ticks`; `initial`.
    """
    return json.dumps({"version": VERSION, "kind": "input", **facts}, sort_keys=True)


def cited(provenance: str) -> Cited:
    """Say what a record cites: its objects, its code, the commits that caused its commit."""
    record = json.loads(provenance)
    if record["kind"] != "output":
        return Cited(added=record.get("upload"))
    causes = (Cause(given["repo"], given["commit"], given["digest"]) for given in record["inputs"])
    objects = (record["spec_record"], record["environment_record"])
    return Cited(
        objects=(*objects, record["in_force"]) if "in_force" in record else objects,
        trees=(record["code"],),
        causes=tuple(dict.fromkeys(causes)),
    )


def _inputs(work: Work) -> list[dict[str, str]]:
    return [
        {
            "name": source.name,
            "repo": source.repo,
            "commit": work.heads[source.repo].id,
            "digest": work.heads[source.repo].tree,
            "glob": source.glob.pattern,
        }
        for source in work.spec.sources
        if source.repo in work.heads
    ]
