"""Decide by the gates; write the release, its model card and its deployment."""

import sys
from dataclasses import asdict
from pathlib import Path

from components.release import card, deployment, evaluation, gates
from components.release.parameters import Parameters
from components.segmentation.digest import sha256
from ibid.stage import canonical
from ibid.stage.contract import ExitCode, Inputs, Params

RESULT = "evaluation_result.json"


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode:
    """Write a release, accepted or refused; a refusal is an output like any other.

    Returns GATE_REFUSED after naming each failed gate on stderr, else DONE.
    """
    parameters = Parameters.of(params)
    evaluated = evaluation.read(inputs["evaluate"] / RESULT)
    digests = cite(inputs)
    evaluation.check(evaluated.inputs, digests)
    scores = {name: groups["all"] for name, groups in evaluated.models}
    tried = gates.judge(scores, parameters)
    failed = [gate for gate in tried if not gate.passed]
    texts = {
        "MODEL_CARD.md": card.write(evaluated, tried, digests, parameters),
        "seldondeployment.yaml": deployment.write(digests, parameters),
    }
    for name, text in texts.items():
        (output / name).write_text(text, encoding="utf-8", newline="\n")
    release = {
        "version": 1,
        "name": parameters.name,
        "verdict": "refused" if failed else "accepted",
        "gates": [asdict(gate) for gate in tried],
        "metrics": scores[gates.SERVED],
        "photos": evaluated.photos,
        # With these, the digest of release.json alone names everything that is released.
        "digests": digests | {name: sha256(output / name) for name in texts},
    }
    canonical.write_json(output / "release.json", release)
    for gate in failed:
        print(gate, file=sys.stderr, flush=True)
    return ExitCode.GATE_REFUSED if failed else ExitCode.DONE


def cite(inputs: Inputs) -> dict[str, str]:
    """Hash the files that a release consists of; raises BadInputError if one is missing."""
    files = (
        inputs["model"] / "model.keras",
        inputs["calibrate"] / "calibration.npz",
        inputs["evaluate"] / RESULT,
    )
    return {path.name: sha256(path) for path in files}
