"""The whole DAG twice, each time in other circumstances: one digest for every repo.

Preset `tiny`, through the engine: `strict` with the same cores, `portable` with one core against
all. Then every stage of the first run once more by itself, where no engine shields it from zone,
locale, hash seed and working folder: one digest for every file.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from ibid.engine.project import load
from tests.determinism.circumstances import ALL, ONE, ROOT, Circumstances, digests, elsewhere, here
from tests.determinism.table import Table

PETS = 60
IBID = (sys.executable, "-m", "ibid.cli")


class Run:
    """The whole DAG, run once over the drawn sample."""

    def __init__(self, circumstances: Circumstances, level: str) -> None:
        self.where = circumstances
        self.project = circumstances.folder / "project"
        for name in ("components", "pipelines"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.project / name, ignore=ignored)
        sample = circumstances.folder / "sample"
        self.ibid("sample", sample, "--pets", PETS)
        self.ibid("put", "stream", sample, "--replace", "--no-run")
        self.ibid("params", "preset=tiny", f"determinism={level}", "--commit", "--no-run")
        self.ibid("run")

    def ibid(self, *arguments: object) -> str:
        """Run a command of the product."""
        home = str(self.where.folder / "store")
        return self.where.run([*IBID, *arguments], self.project, IBID_HOME=home)

    def digests(self) -> dict[str, str]:
        """Return each repo's digest."""
        return {row["repo"]: row["digest"] for row in json.loads(self.ibid("repos", "--json"))}


def alone(run: Run, pipeline: str, where: Circumstances) -> list[str]:
    """Start one stage of a run by itself, with the same inputs; list the files that differ."""
    spec = load(run.project, "pets").specs[pipeline]
    folder = where.folder / pipeline
    inputs = []
    for source in spec.sources:
        given = folder / source.name
        part = source.glob.pattern.partition("*")[0].strip("/")
        run.ibid("get", f"{source.repo}@master:/{part}", given / part)
        inputs.append(f"--in={source.name}={given}")
    run.ibid("get", pipeline, folder / "before")
    command = [sys.executable, "-m", spec.component, *inputs, f"--out={folder / 'after'}"]
    where.run(command, folder / "work")
    before, after = digests(folder / "before"), digests(folder / "after")
    return [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]


def prove() -> Table:
    """Run five times in all; takes several minutes."""
    rows, wrong = [], []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        strict = Run(here(base / "strict"), "strict")
        pairs = {
            "strict": (strict, Run(elsewhere(base / "strict"), "strict")),
            "portable": (
                Run(here(base / "portable", ALL), "portable"),
                Run(elsewhere(base / "portable", ONE), "portable"),
            ),
        }
        for level, (one, two) in pairs.items():
            found, again = one.digests(), two.digests()
            for repo in found:
                same = found[repo] == again.get(repo)
                rows.append((level, repo, found[repo][:12], "same" if same else "DIFFERS"))
                wrong += [] if same else [f"{level}: {repo} differs"]
        specs = load(strict.project, "pets").specs
        for pipeline in (name for name, spec in specs.items() if spec.port is None):
            if specs[pipeline].effect:
                continue
            differing = alone(strict, pipeline, elsewhere(base / "alone"))
            said = f"{len(differing)} files DIFFER" if differing else "same"
            rows.append(("alone", pipeline, "every file", said))
            wrong += [f"{pipeline}, started alone: {path} differs" for path in differing]
    title = f"The whole DAG twice, preset tiny, {len(ALL)} cores; portable: on 1 core against them"
    return Table(title, ("level", "repo", "digest", "elsewhere"), tuple(rows), tuple(wrong))
