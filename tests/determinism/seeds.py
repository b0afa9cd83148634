"""The seed experiment: real photos, a real network, trained twice; then one seed is taken away.

Twelve epochs of a U-Net on MobileNetV2 over photos of the Oxford-IIIT Pet data set. All logged
figures have to be equal to the last digit and the weights to the last bit. Then, in a copy of the
code, one dropout layer draws its seed from the system, and the comparison of two trainings has to
name the file and the layer.
"""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.determinism.table import Table

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT.parent / "shared" / "data" / "pets-240"
HEADER = ("training", "epochs", "history.csv", "weights.csv", "model.keras", "tensorboard")
SEEDED = 'Dropout(dropout, seed=seed, name="dropout")'
# Without a seed of its own Keras would draw one from the global generator, which is seeded.
UNSEEDED = 'Dropout(dropout, seed=int.from_bytes(__import__("os").urandom(3)), name="dropout")'
LAYER = "dropout"
EVENTS = "tensorboard/events.out.tfevents.0.ibid"
COMMON = {
    "version": 1,
    "seed": 42,
    "determinism": {"level": "strict", "threads": None, "isa": None},
}
TRAIN = {"backbone": "mobilenetv2", "batch_size": 16, "learning_rate": 0.001, "dropout": 0.2}


def prove(photos: Path = PHOTOS, epochs: int = 12) -> Table:
    """Train twice, compare; take one seed away, train twice, compare."""
    title = f"The seed experiment: {epochs} epochs of MobileNetV2"
    if not photos.is_dir():
        reason = "skipped: the photos in ../shared/data/pets-240 are not here"
        return Table(title, ("training",), ((reason,),))
    with TemporaryDirectory() as folder:
        base = Path(folder)
        data = _photos(photos, base / "data")
        first, second = (_train(ROOT, data, base / name, epochs) for name in ("first", "second"))
        faulty = _without_a_seed(base / "code")
        third, fourth = (_train(faulty, data, base / name, 2) for name in ("third", "fourth"))
        wrong = [f"{difference} in two trainings" for difference in _differences(first, second)]
        found = _differences(third, fourth)
        named = _first_row(third, fourth)
        if "model.keras" not in found or named != ("0", LAYER):
            wrong.append(f"an unseeded {LAYER} was not found: {found}, {named}")
        rows = [
            _row("first", epochs, first),
            _row("second", epochs, second),
            _row("one dropout unseeded", 2, third),
            _row("the same again", 2, fourth),
            (f"found: {', '.join(found)}; first: {' epoch, layer '.join(named or ())}", *[""] * 5),
        ]
    return Table(title, HEADER, tuple(rows), tuple(wrong))


def _photos(packed: Path, data: Path) -> Path:
    """Take the photos apart and cut them to size, as the pipeline does."""
    upload = data / "stream" / "0001-pets"
    upload.mkdir(parents=True)
    for name in ("images.tar.gz", "annotations.tar.gz"):
        shutil.copyfile(packed / name, upload / name)
    _start(ROOT, "ingest", {"stream": data / "stream"}, data / "ingest", _defaults("ingest"))
    _start(
        ROOT, "transform", {"ingest": data / "ingest"}, data / "transform", _defaults("transform")
    )
    (data / "weights").mkdir()
    (data / "weights" / "weights.json").write_text('{"version": 1, "weights": []}')
    return data


def _train(code: Path, data: Path, output: Path, epochs: int) -> Path:
    inputs = {name: data / name for name in ("transform", "weights")}
    _start(code, "train", inputs, output, _defaults("train") | COMMON | TRAIN | {"epochs": epochs})
    return output


def _start(
    code: Path, stage: str, inputs: dict[str, Path], output: Path, params: dict[str, Any]
) -> None:
    file = output.with_name(f"{output.name}.json")
    file.write_text(json.dumps(params))
    given = [f"--in={name}={path}" for name, path in {**inputs, "params": file}.items()]
    subprocess.run(
        [sys.executable, "-m", f"components.{stage}", *given, f"--out={output}"],
        cwd=output.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "PYTHONHASHSEED": "0"},
        check=True,
        capture_output=True,
    )


def _defaults(stage: str) -> dict[str, Any]:
    conf = yaml.safe_load((ROOT / "pipelines/pets/conf" / f"{stage}.yaml").read_text())
    return {name: COMMON.get(name, value) for name, value in conf.items()}


def _without_a_seed(code: Path) -> Path:
    """Copy the code, and take the seed of one dropout layer away."""
    for package in ("components", "ibid"):
        shutil.copytree(ROOT / package, code / package)
    unet = code / "components" / "segmentation" / "unet.py"
    text = unet.read_text()
    assert SEEDED in text
    unet.write_text(text.replace(SEEDED, UNSEEDED))
    return code


def _digests(output: Path) -> dict[str, str]:
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file()
    }


def _differences(one: Path, other: Path) -> list[str]:
    """Name the files that differ, and those that only one of them has."""
    return sorted({path for path, _ in set(_digests(one).items()) ^ set(_digests(other).items())})


def _first_row(one: Path, other: Path) -> tuple[str, str] | None:
    """Name the epoch and the layer at which two trainings parted."""
    tables = [csv.DictReader((output / "weights.csv").open()) for output in (one, other)]
    pairs = zip(*tables, strict=False)  # one may have stopped earlier
    return next(((a["epoch"], a["layer"]) for a, b in pairs if a != b), None)


def _row(name: str, epochs: int, output: Path) -> tuple[str, ...]:
    digests = _digests(output)
    files = ("history.csv", "weights.csv", "model.keras", EVENTS)
    return (name, str(epochs), *(digests[file][:12] for file in files))
