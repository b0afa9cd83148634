"""One dropout layer of the default workload without a seed: found, with its file, layer and epoch.

A copy of the project up to `train`, on the preset `tiny`. Without the fault it raises no alarm,
however often it is verified.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ibid.engine.project import load
from ibid.proof.verdict import Verification
from ibid.proof.verify import verify
from tests.determinism.table import Table

ROOT = Path(__file__).parents[2]
SEEDED = 'Dropout(dropout, seed=seed, name="dropout")'
UNSEEDED = 'Dropout(dropout, seed=int.from_bytes(os.urandom(3)), name="dropout")'


def copy(folder: Path, *, seeded: bool) -> Path:
    """Copy what `train` needs of the project, and run it."""
    root = folder / ("seeded" if seeded else "unseeded")
    for name in ("components", "pipelines"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    source = root / "pipelines" / "pets" / "pipeline.yaml"
    text = source.read_text()
    text = re.sub(r"^  - name: tune\n.*", "", text, flags=re.S | re.M)
    source.write_text(re.sub(r"^summary:.*\n", "", text, flags=re.M))
    if not seeded:
        unet = root / "components" / "segmentation" / "unet.py"
        code = unet.read_text()
        assert SEEDED in code
        unet.write_text(re.sub(r"^import ", "import os\nimport ", code.replace(SEEDED, UNSEEDED),
                               count=1, flags=re.M))  # fmt: skip
    sample = folder / "sample"
    if not sample.exists():
        _call(ROOT, "-m", "components.sample", sample, "--pets", "60")
    for command in (
        ("specs",),
        ("put", "stream", sample, "--no-run"),
        ("params", "preset=tiny", "--commit", "--no-run"),
        ("run",),
    ):
        _call(root, "-m", "ibid.cli", *command)
    return root


def check(root: Path, *, causes: bool = True) -> Verification:
    """Verify what was trained."""
    project = load(root)
    with contextlib.closing(project.home.open(project.name)) as store:
        commit = store.resolve("train")
        return verify(project.home, store, commit, lambda _: None, print, print, causes=causes)


def prove(verifies: int = 20) -> Table:
    """Verify the copy that is right so many times, and once the one that is not."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        right = copy(Path(name), seeded=True)
        passed = sum(check(right, causes=False).passed for _ in range(verifies))
        if passed < verifies:
            wrong.append(f"{verifies - passed} of {verifies} verifies alarmed for nothing")
        found = check(copy(Path(name), seeded=False))
        first = found.first
        paths = [each.path for each in first.differences] if first else []
        where = [line for line in found.inside if line.startswith("weights.csv")]
        if "/model.keras" not in paths:
            wrong.append(f"expected model.keras among what differs: {paths}")
        if not any("epoch 0" in line and "layer dropout" in line for line in where):
            wrong.append(f"expected the layer dropout, before the first step: {found.inside}")
        cause = found.cause.name if found.cause else "none"
        if cause != "random source":
            wrong.append(f"expected the cause random source, told was {cause}")
        none = ("none", "-", f"{passed} of {verifies} verifies passed", "-")
        row = ("unseeded dropout", " ".join(paths), "; ".join(found.inside), cause)
    title = "a dropout layer without a seed, in the default workload"
    return Table(title, ("fault", "files", "where", "cause"), (none, row), tuple(wrong))


def _call(cwd: Path, *arguments: object) -> None:
    environment = {n: v for n, v in os.environ.items() if not n.startswith("IBID_")}
    subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(cwd)},
        check=True,
        capture_output=True,
    )
