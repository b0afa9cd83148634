"""Take uploads in: each photo becomes a pet or goes into quarantine with a reason, once."""

import sys
from collections import Counter
from pathlib import Path

from components.ingest import annotations, pet
from components.ingest.parameters import Parameters
from components.ingest.quarantine import Quarantine
from components.ingest.upload import Member, members
from ibid.stage.contract import BadInputError, ExitCode, Inputs, Params

MEGABYTE = 1_000_000


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode | None:
    """Read `stream/<upload>` and write `pets/<upload>/<pet_id>` and `quarantine/<upload>`.

    Raises BadInputError if there is no upload, or one that gives no pet at all.
    """
    parameters = Parameters.of(params)
    uploads = sorted(entry for entry in inputs["stream"].iterdir() if entry.is_dir())
    if not uploads:
        raise BadInputError(
            "Expected a folder an upload.",
            received=", ".join(sorted(p.name for p in inputs["stream"].iterdir())) or "nothing",
            hint="ibid put stream FOLDER",
        )
    for upload in uploads:
        _take_in(upload, output, parameters)
    return None


def _take_in(upload: Path, output: Path, parameters: Parameters) -> None:
    limit = parameters.max_file_mb * MEGABYTE
    quarantine = Quarantine(output / "quarantine" / upload.name)
    found = annotations.read(upload, limit, quarantine)
    seen: set[str] = set()
    made: set[str] = set()
    for member in members(upload, "images", limit):
        try:
            pet_id = _pet_id(member, made)
            seen.add(pet_id)
            new = pet.make(member, pet_id, found, parameters.jpeg_quality)
        except BadInputError as refusal:
            quarantine.add(member, _line(refusal))
        else:
            new.write(output / "pets" / upload.name / pet_id)
            made.add(pet_id)
    annotations.set_aside_rest(found, seen, quarantine)
    _tell(upload.name, len(made), quarantine.reasons)


def _pet_id(member: Member, made: set[str]) -> str:
    """Find a photo's pet id; raises BadInputError if it is none, or of a pet that is made."""
    if member.problem is not None:
        raise BadInputError(member.problem)
    pet_id = pet.name_of(member)
    if pet_id in made:
        raise BadInputError(f"Expected one photo of {pet_id}; another came first.")
    return pet_id


def _line(refusal: BadInputError) -> str:
    received = "" if refusal.received is None else f" Received: {refusal.received}"
    return refusal.message + received


def _tell(upload: str, made: int, reasons: list[str]) -> None:
    common = [f"{count} x {reason}" for reason, count in Counter(reasons).most_common(5)]
    if made == 0:
        raise BadInputError(
            f"Expected photos with masks in the upload {upload}.",
            received="; ".join(common) or "no photo",
            hint="photos are images/NAME.jpg, masks annotations/trimaps/NAME.png",
        )
    print(f"{upload}: {made} pets, {len(reasons)} files set aside", file=sys.stderr)
