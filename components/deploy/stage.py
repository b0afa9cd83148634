"""Put an accepted release where it is to run; leave in place what runs when one was refused."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from components.deploy import local
from components.deploy.parameters import Parameters
from components.segmentation.digest import sha256
from ibid.stage import canonical
from ibid.stage.contract import BadInputError, Inputs, Params

FOLDER = "DEPLOY_FOLDER"  # set by the launcher, for effects only


def run(inputs: Inputs, output: Path, params: Params) -> None:
    """Deploy the release if it was accepted, and write down what was done.

    Raises:
        BadInputError: the release is incomplete or was altered, or there is nowhere to put it.
    """
    parameters = Parameters.of(params)
    release, digest = read(inputs["release"]), sha256(inputs["release"] / "release.json")
    record = {"version": 1, "release": digest, "target": parameters.target}
    if release["verdict"] == "accepted":
        files = collect(inputs["release"], release)
        changed = local.place(place(parameters), digest, files)
        _log("{} {}".format("deployed" if changed else "already deployed:", digest))
        record |= {"deployed": True}
    else:
        failed = [gate["name"] for gate in release["gates"] if not gate["passed"]]
        reason = "the release was refused: " + ", ".join(failed)
        _log("not deployed: " + reason)
        record |= {"deployed": False, "reason": reason}
    canonical.write_json(output / "deployment.json", record)


def read(folder: Path) -> dict[str, Any]:
    """Read `release.json`; raises BadInputError if it is not as `release` writes it."""
    path = folder / "release.json"
    sha256(path)
    try:
        release = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadInputError("Expected JSON in release.json.", received=error) from error
    if not isinstance(release, dict) or not {"verdict", "gates", "digests"} <= set(release):
        raise BadInputError("Expected a release in release.json.", received=release)
    return release


def collect(folder: Path, release: dict[str, Any]) -> dict[str, bytes]:
    """Read the files that are deployed; raises BadInputError if one is not the one released."""
    manifest = folder / "seldondeployment.yaml"
    if sha256(manifest) != release["digests"].get(manifest.name):
        raise BadInputError(
            f"Expected the {manifest.name} that release.json names.", received=sha256(manifest)
        )
    return {path.name: path.read_bytes() for path in (folder / "release.json", manifest)}


def place(parameters: Parameters) -> Path:
    """Say where releases run: the parameter, else what the launcher set; raises BadInputError."""
    folder = parameters.folder or os.environ.get(FOLDER)
    if not folder:
        raise BadInputError(
            f"Expected a folder to deploy to: the parameter deploy.folder, or {FOLDER}.",
            hint="ibid params deploy.folder=/FOLDER --commit",
        )
    return Path(folder)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
