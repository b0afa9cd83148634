"""Take uploads in: each photo becomes a pet or goes into quarantine with a reason, once."""

import hashlib
import shutil
import sys
from collections import Counter
from pathlib import Path

from components.ingest import annotations, pet
from components.ingest.limits import Limits
from components.ingest.parameters import Parameters
from components.ingest.quarantine import Quarantine, line
from components.ingest.upload import members
from ibid.stage.contract import BadInputError, ExitCode, Inputs, Params, one_line


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode:
    """Read `stream/<upload>` and write `pets/<upload>/<pet_id>` and `quarantine/<upload>`.

    Returns GATE_REFUSED if an upload is damaged, too large or gives no pet at all, after naming it
    on stderr: its quarantine says why, and the pets of the others go on.

    Raises BadInputError if there is no upload.
    """
    parameters = Parameters.of(params)
    uploads = sorted(inputs["stream"].iterdir())
    if not uploads:
        raise BadInputError(
            "Expected a folder an upload.", received="nothing", hint="ibid put stream FOLDER"
        )
    taken = [_take_in(upload, output, parameters) for upload in uploads]
    return ExitCode.DONE if all(taken) else ExitCode.GATE_REFUSED


def _take_in(upload: Path, output: Path, parameters: Parameters) -> bool:
    """Take an upload in; returns False if nothing of it can be used."""
    pets = output / "pets" / upload.name
    quarantine = Quarantine(output / "quarantine" / upload.name)
    try:
        made = _make_pets(upload, pets, parameters, quarantine)
    except BadInputError as refusal:  # gzip's sum comes last: what was read before may be wrong
        if pets.exists():
            shutil.rmtree(pets)
        quarantine.clear()
        _refuse(upload.name, refusal, quarantine)
        return False
    if not made:
        _refuse(upload.name, _useless(quarantine.kinds), quarantine)
        return False
    told = f"{made} pets, {len(quarantine.kinds)} files set aside"
    print(f"{one_line(upload.name)}: {told}", file=sys.stderr)
    return True


def _make_pets(upload: Path, pets: Path, parameters: Parameters, quarantine: Quarantine) -> int:
    """Make the pets of an upload; returns how many. Raises BadInputError if it cannot be read."""
    found = annotations.read(upload, parameters, quarantine)
    seen: set[str] = set()
    made: set[str] = set()
    known: dict[str, str] = {}  # a pet by the digest of its photo
    for member in members(upload, Limits.of(parameters, "images")):
        try:
            pet_id = pet.name_of(member)
            seen.add(pet_id)
            if member.problem is not None:
                raise BadInputError(member.problem)
            if pet_id in made:
                raise BadInputError("Expected one photo a pet; another came first.")
            if (digest := hashlib.sha256(member.data).hexdigest()) in known:
                raise BadInputError(
                    "Expected each photo once.", received=f"that of {known[digest]}"
                )
            pet.make(member, pet_id, found, parameters).write(pets / pet_id)
            made.add(pet_id)
            known[digest] = pet_id
        except BadInputError as refusal:
            quarantine.add(member, line(refusal))
    annotations.set_aside_rest(found, seen, quarantine)
    return len(made)


def _useless(kinds: list[str]) -> BadInputError:
    common = [f"{count} x {kind}" for kind, count in Counter(kinds).most_common(5)]
    return BadInputError(
        "Expected photos with masks in the upload.",
        received="; ".join(common) or "no photo",
        hint="photos are images/NAME.jpg, masks annotations/trimaps/NAME.png",
    )


def _refuse(upload: str, refusal: BadInputError, quarantine: Quarantine) -> None:
    """Say why nothing of an upload is used, and how to go on without it."""
    quarantine.refuse(refusal)
    name = one_line(upload)
    go_on = f"ibid put stream FOLDER, with what is mended; ibid rm stream:{name}"
    print(f"{name}: refused. {refusal}\n  hint: {go_on}", file=sys.stderr)
