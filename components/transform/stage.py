"""Bring each pet to the size that the model sees, in the partition that its name decides."""

import json
from pathlib import Path

from components.segmentation import masks, photos
from components.segmentation.partition import partition_of
from components.transform import versions
from components.transform.parameters import Parameters
from ibid.stage import canonical
from ibid.stage.contract import BadInputError, ExitCode, Inputs, Params

FULL = 255


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode | None:
    """Read `ingest/pets/<upload>/<pet_id>` and write `<partition>/<pet_id>`.

    Raises BadInputError if there is no pet, or one whose files are not as ingest writes them.
    """
    parameters = Parameters.of(params)
    pets = versions.find(inputs["ingest"] / "pets")
    if not pets:
        raise BadInputError(
            "Expected pets/<upload>/<pet_id> from ingest.",
            received=", ".join(sorted(p.name for p in inputs["ingest"].iterdir())) or "nothing",
        )
    for pet in pets:
        _transform(pet, output / partition_of(pet.pet_id) / pet.pet_id, parameters.image_size)
    return None


def _transform(pet: versions.Versions, folder: Path, size: int) -> None:
    try:
        image = photos.resize(photos.open_upright(pet.latest / "image.jpg"), size)
        trimap = masks.resize(masks.read(pet.latest / "mask.png").trimap, size)
        metadata = json.loads((pet.latest / "metadata.json").read_bytes())
        superseded = pet.superseded()
        notes = [*metadata.get("notes", []), *pet.notes()]
    except (FileNotFoundError, ValueError, BadInputError) as error:
        raise BadInputError(
            f"Expected image.jpg, mask.png and metadata.json of {pet.pet_id}.", received=error
        ) from error
    folder.mkdir(parents=True)
    canonical.write_png(folder / "image.png", image)
    canonical.write_png(folder / "mask.png", masks.to_channels(trimap) * FULL)
    known = {**metadata, "notes": notes, "superseded": superseded}
    canonical.write_json(folder / "metadata.json", known)
