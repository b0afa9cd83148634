"""Where two trainings differ: the first epoch and layer, and the tensors of the saved models.

A stage of its own, which `ibid verify` runs when `train` or `model` gave other bytes: it reads the
two outputs as `then` and `now`. The framework is not needed for that.
"""

import csv
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ibid.stage import canonical, contract
from ibid.stage.contract import Inputs, Params

WEIGHTS, MODEL = "weights.csv", "model.keras"
SHOWN = 3  # tensors that are named, those that differ most


def run(inputs: Inputs, output: Path, params: Params) -> None:
    """Write `differences.json`, a list of lines for people."""
    then, now = inputs["then"], inputs["now"]
    lines = [*_epochs(then / WEIGHTS, now / WEIGHTS), *_tensors(then / MODEL, now / MODEL)]
    canonical.write_json(output / "differences.json", lines)


def _epochs(then: Path, now: Path) -> Iterator[str]:
    """Name the first epoch at whose end a layer was another, and the layers that were."""
    if not (then.exists() and now.exists()):
        return
    before, after = _rows(then), _rows(now)
    differ = [key for key, digest in before.items() if after.get(key, digest) != digest]
    if differ:
        first = differ[0][0]
        layers = [layer for epoch, layer in differ if epoch == first]
        more = f" and {len(layers) - SHOWN} more layers" if len(layers) > SHOWN else ""
        when = "before the first step (epoch 0)" if first == 0 else f"within epoch {first}"
        yield f"{WEIGHTS}: first {when}: layer {', '.join(layers[:SHOWN])}{more}"
    elif before.keys() != after.keys():
        epochs = [max((epoch for epoch, _ in rows), default=0) for rows in (before, after)]
        yield f"{WEIGHTS}: equal as far as both go: {epochs[0]} epochs -> {epochs[1]}"


def _rows(path: Path) -> dict[tuple[int, str], str]:
    with path.open(newline="") as stream:
        return {(int(r["epoch"]), r["layer"]): r["sha256"] for r in csv.DictReader(stream)}


def _tensors(then: Path, now: Path) -> Iterator[str]:
    """Name the tensors that differ most, by layer and number."""
    if not (then.exists() and now.exists()):
        return
    before, after = _read(then), _read(now)
    for name in sorted(before.keys() ^ after.keys()):
        yield f"{MODEL}: tensor {name} {'is gone' if name in before else 'is new'}"
    furthest = {
        name: _distance(before[name], after[name])
        for name in before.keys() & after.keys()
        if not np.array_equal(before[name], after[name], equal_nan=True)
    }
    ranked = sorted(furthest, key=lambda name: (-furthest[name], name))
    for name in ranked[:SHOWN]:
        yield f"{MODEL}: tensor {name} differs by up to {furthest[name]:.3g}"
    if len(ranked) > SHOWN:
        yield f"{MODEL}: and {len(ranked) - SHOWN} more of {len(before)} tensors"


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float("inf") if a.shape != b.shape else float(np.nanmax(np.abs(a - b), initial=0.0))


def _read(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the tensors of a `.keras` file, each by its layer's name and its number."""
    found: dict[str, NDArray[np.float64]] = {}
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:

        def take(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                layer = item.parent.attrs.get("name", item.parent.name.strip("/"))
                found[f"{layer}/{name.rpartition('/')[2]}"] = np.asarray(item, dtype=np.float64)

        file.visititems(take)
    return found


if __name__ == "__main__":
    sys.exit(contract.main(run))
