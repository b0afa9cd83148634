"""Compare the baseline, the model and the calibrated model on photos that no stage has seen."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from components.evaluate import report
from components.evaluate.parameters import Parameters
from ibid.stage import canonical
from ibid.stage.contract import Inputs, Params

TREE = Path(__file__).absolute().parents[2]


def run(inputs: Inputs, output: Path, params: Params) -> None:
    """Run the notebook, which writes the results, and keep it beside a page made from it."""
    Parameters.of(params)
    reachable()
    with TemporaryDirectory() as folder:
        workplace(Path(folder), inputs, output, params)
        notebook = report.execute(Path(folder))
    (output / "report.ipynb").write_bytes(canonical.json_bytes(notebook))
    (output / "report.html").write_text(report.html(notebook), encoding="utf-8", newline="\n")


def reachable() -> None:
    """Let the kernel, which is started without this process's paths, find the same code."""
    paths = [str(TREE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def workplace(folder: Path, inputs: Inputs, output: Path, params: Params) -> None:
    """Lay out the notebook's working folder: links to the inputs and to `out`, `params.json`.

    So the notebook names everything by a relative path, and holds none of this machine's.
    """
    for name, path in {**inputs, "out": output}.items():
        (folder / name).symlink_to(path.absolute())
    canonical.write_json(folder / "params.json", dict(params))
