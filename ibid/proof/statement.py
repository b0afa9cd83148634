"""What a verify found, as an in-toto Statement that anyone's tools can read.

The predicate is SLSA's verification summary, https://slsa.dev/spec/v1.0/verification_summary, whose
levels may be one's own; what it has no field for stands in fields that begin with `ibid_`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import ibid
from ibid.engine.setting import ELSEWHERE
from ibid.proof.verdict import Stage, Verification
from ibid.stage.canonical import json_bytes
from ibid.store import statements
from ibid.store.commits import Commit, Store

PREDICATE = "https://slsa.dev/verification_summary/v1"
VERIFIER = f"pkg:generic/ibid@{ibid.__version__}"
REPRODUCED, SAMPLED = "IBID_REPRODUCED", "IBID_SAMPLE_REPRODUCED"


def write(store: Store, found: Verification) -> dict[str, Any]:
    """Keep the statement of a verify beside its commit; returns it."""
    told = statement(store, found)
    statements.add(store, [statements.read(json_bytes(told))])
    return told


def statement(store: Store, found: Verification) -> dict[str, Any]:
    """Say what was verified, from what, by what, in which environment, and the verdict."""
    commit = found.subject
    level = SAMPLED if found.sampled else REPRODUCED
    return {
        "_type": statements.TYPE,
        "subject": [_descriptor(commit)],
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {"id": VERIFIER, "version": {"ibid": ibid.__version__}},
            "timeVerified": _moment(found.finished),
            "resourceUri": f"ibid:{store.project}/{commit.repo}@{commit.id}",
            "policy": {"uri": "ibid:policy/the-same-bytes-again"},
            "verificationResult": "PASSED" if found.passed else "FAILED",
            "verifiedLevels": [level if found.passed else "FAILED"],
            "ibid_started": _moment(found.started),
            "ibid_materials": [*_materials(found)],
            "ibid_builder": {
                "id": VERIFIER,
                "variables": dict(ELSEWHERE.variables),
                "weaker": sorted({part for stage in found.stages for part in stage.weaker}),
            },
            "ibid_environment": {
                "as_cited": not found.environment,
                "differences": list(found.environment),
            },
            "ibid_inside": list(found.inside),
            "ibid_cause": asdict(found.cause) if found.cause else None,
            "ibid_stages": [_stage(stage) for stage in found.stages],
        },
    }


def verdicts(store: Store, commit: Commit) -> list[dict[str, str]]:
    """List what statements say of a commit: the `result` and `at`, oldest first."""
    told = (json.loads(each.data)["predicate"] for each in statements.about(store, commit))
    return [
        {
            "result": str(predicate["verificationResult"]),
            "level": str(predicate["verifiedLevels"][0]),
            "at": str(predicate["timeVerified"]),
        }
        for predicate in told
    ]


def _materials(found: Verification) -> Iterator[dict[str, Any]]:
    """List what the commit was made from: inputs, code trees, specs, environments."""
    for commit in found.inputs:
        yield _descriptor(commit)
    for stage in found.stages:
        told = json.loads(stage.commit.provenance)
        for kind, name in (
            ("code", "code"),
            ("spec", "spec_record"),
            ("environment", "environment_record"),
        ):
            yield {"name": f"{kind} of {stage.commit.repo}", "digest": {"sha256": told[name]}}


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "pipeline": stage.commit.repo,
        "commit": stage.commit.id,
        "verdict": str(stage.state),
        "on_record": stage.commit.tree,
        "found": stage.found,
        "datums": stage.datums,
        "run_again": stage.again,
        "seconds": round(stage.seconds, 3),
        "differences": [
            {"path": each.path, "was": each.then, "is": each.now} for each in stage.differences
        ],
        "why": stage.why,
        "in_force": list(stage.in_force),
    }


def _descriptor(commit: Commit) -> dict[str, Any]:
    return {"name": f"{commit.repo}@{commit.id}", "digest": {"sha256": commit.tree}}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
