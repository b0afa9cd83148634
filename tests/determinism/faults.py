"""Planted faults, one at a time in a copy of a stage: each is found, with its file and its cause.

The copy counts words, as `tests/conformance/words` does, and does one thing that it should not. No
fault is told by name to what looks for it.
"""

import contextlib
import json
import shutil
import tempfile
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ibid.compile import files
from ibid.engine import inputs
from ibid.engine import run as engine
from ibid.engine.project import load
from ibid.proof.verdict import Verification
from ibid.proof.verify import verify
from ibid.proof.why import why
from ibid.spec import pipeline
from ibid.stage.canonical import json_bytes
from tests.determinism.table import Table

ROOT = Path(__file__).parents[2]
STAGE = "words/count/__main__.py"
TEXTS = {f"text{number}": f"some words and the number {number}" for number in range(6)}
PIPELINE = """\
version: 1
name: words
description: Count words in one stage, list what it made in another.
image: example/words:1
inputs:
  texts: {description: One file a text., layout: files}
environments:
  numbers: {extra: data}
pipelines:
  - name: count
    description: Count the words of each text.
    component: words.count
    environment: numbers
    input: {pfs: {repo: texts, glob: /}}
  - name: total
    description: List what was counted.
    cmd: [sh, -c, 'ls "$count" > "$PFS_ROOT/out/names"']
    environment: numbers
    input: {pfs: {repo: count, glob: /}}
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is planted: lines that write `output / FILE`; which cause has to be named."""

    name: str
    lines: str
    cause: str
    file: str = "/fault"
    inside: str = ""


FAULTS = (
    Fault(
        "an unseeded dropout",
        """
        import numpy
        rng = numpy.random.default_rng(7)
        weights = rng.normal(size=(8, 4))
        for _ in range(20):
            keep = numpy.random.default_rng().random(8) > 0.5  # which units: no seed
            weights -= 0.01 * (weights * keep[:, None])
        (output / "fault").write_bytes(weights.tobytes())
        """,
        "random source",
    ),
    Fault(
        "time.time() in an output",
        """
        import json, time
        (output / "fault").write_text(json.dumps({"words": 3, "trained_at": time.time()}))
        """,
        "time",
        inside="trained_at",
    ),
    Fault(
        "a set iterated into a file",
        """
        words = {word for text in texts for word in text.read_text().split()}
        (output / "fault").write_text("\\n".join(words))
        """,
        "hash order",
        inside="the same lines in another order",
    ),
    Fault(
        "an unsorted directory listing",
        """
        (output / "fault").write_text("\\n".join(p.name for p in inputs["texts"].iterdir()))
        """,
        "order of files",
        inside="the same lines in another order",
    ),
    Fault(
        "an uninitialised array",
        """
        import numpy
        table = numpy.empty(5000)
        table[:2500] = 1.0  # and who fills the rest?
        (output / "fault").write_bytes(table.tobytes())
        """,
        "uninitialised memory",
    ),
    Fault(
        "a race between two threads",
        """
        import threading
        order = []
        def work(name):
            for number in range(400):
                order.append(name)
                sum(range(2000))
        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (output / "fault").write_text("".join(order))
        """,
        "threads",
    ),
    Fault(
        "a pickle with memory addresses",
        """
        import pickle
        class Model:
            pass
        (output / "fault").write_bytes(pickle.dumps({"model": repr(Model()), "words": 3}))
        """,
        "memory addresses",
    ),
    Fault(
        "a zip with modification times",
        """
        import pathlib, tempfile, zipfile
        part = pathlib.Path(tempfile.mkdtemp()) / "part.txt"
        part.write_text("the same bytes each time")
        with zipfile.ZipFile(output / "fault", "w") as archive:
            archive.write(part, "part.txt")
        """,
        "time",
        inside="part.txt: its time",
    ),
    Fault(
        "an environment variable read",
        """
        import os
        (output / "fault").write_text(os.environ["TMPDIR"])
        """,
        "where it runs",
    ),
)


def build(root: Path, lines: str = "") -> None:
    """Make the project with a copy of the stage that also does `lines`, and run it."""
    shutil.copytree(ROOT / "tests" / "conformance" / "words", root)
    source = root / "pipelines" / "words" / "pipeline.yaml"
    source.write_text(PIPELINE)
    compiled = files.compile_workflow(pipeline.read(source), source.read_bytes())
    files.write(source.parent / files.FOLDER, compiled)
    stage = root / STAGE
    planted = textwrap.indent(textwrap.dedent(lines).strip(), "    ")
    begin = '    texts = sorted(inputs["texts"].iterdir())\n'
    code = stage.read_text().replace("\n\nif __name__", f"{begin}{planted}\n\n\nif __name__")
    stage.write_text(code)
    put(root, TEXTS)


def put(root: Path, texts: dict[str, str]) -> None:
    """Commit texts, and run."""
    folder = root / "texts"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    project = load(root)
    with contextlib.closing(project.home.open(project.name)) as store:
        inputs.put(project, store, "texts", folder, replace=True)
        done = engine.run(project, store, lambda _: None, lambda _: None)
        assert done.code == 0, done.done


def check(root: Path, *, causes: bool = True) -> Verification:
    """Verify what the project has made."""
    project = load(root)
    with contextlib.closing(project.home.open(project.name)) as store:
        commit = store.resolve("total")
        return verify(
            project.home, store, commit, lambda _: None, lambda _: None, lambda _: None,
            causes=causes,
        )  # fmt: skip


def try_fault(fault: Fault, folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """Plant one and look for it; returns the row of the table, and what is wrong."""
    root = folder / fault.name.replace(" ", "-")
    build(root, fault.lines)
    _pass_two_seconds(root)
    found = check(root)
    wrong: list[str] = []
    first, name = found.first, found.cause.name if found.cause else "none"
    paths = [each.path for each in first.differences] if first else []
    if first is None or first.commit.repo != "count" or paths != [fault.file]:
        wrong.append(f"{fault.name}: found {first and first.commit.repo} {paths}")
    if name != fault.cause:
        wrong.append(f"{fault.name}: the cause is {fault.cause}, told was {name}")
    if not any(fault.inside in line for line in found.inside):
        wrong.append(f"{fault.name}: expected {fault.inside!r} in {found.inside}")
    where = found.inside[0] if found.inside else "-"
    return (fault.name, "verify", f"count{paths[0]}" if paths else "-", name, where[:60]), wrong


def upgrade(folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """Let an output cite another version of a package, as one from before an upgrade does."""
    root = folder / "upgrade"
    build(root)
    project = load(root)
    with contextlib.closing(project.home.open(project.name)) as store:
        commit = store.resolve("count")
        told = json.loads(commit.provenance)
        cited = json.loads(store.objects.read(told["environment_record"]))
        version = cited["packages"]["numpy"]
        cited["packages"]["numpy"] = "2.1.2 " + version.split(" ")[1][::-1]
        told["environment_record"] = store.objects.put_bytes(json_bytes(cited))
        told["environment"] = "0" * 64
        store.database.execute(
            "UPDATE commits SET provenance = ? WHERE repo = 'count' AND id = ?",
            (json.dumps(told), commit.id),
        )
    put(root, TEXTS | {"text0": "another"})
    with contextlib.closing(project.home.open(project.name)) as store:
        then, now = (store.resolve("total", ref) for ref in ("master^", "master"))
        causes = [cause.said for cause in why(store, then, now).causes]
        lines: list[str] = []
        verify(project.home, store, then, lambda _: None, lines.append, lambda _: None)
    wrong = []
    expected = f"numpy 2.1.2 -> {version.split(' ')[0]}"
    if expected not in causes:
        wrong.append(f"a dependency upgraded: expected {expected!r} in {causes}")
    if not any(expected in line for line in lines):
        wrong.append(f"a dependency upgraded: verify did not say so before it started: {lines}")
    return ("a dependency upgraded", "why, verify", "-", expected, "-"), wrong


def no_false_alarm(folder: Path, times: int) -> tuple[tuple[str, ...], list[str]]:
    """Verify the pipeline without a fault again and again."""
    root = folder / "correct"
    build(root)
    passed = sum(check(root, causes=False).passed for _ in range(times))
    wrong = [] if passed == times else [f"{times - passed} of {times} verifies alarmed for nothing"]
    return ("none", f"{times} verifies", "-", f"{passed} passed", "-"), wrong


def prove(faults: Sequence[Fault] = FAULTS, verifies: int = 20) -> Table:
    """Plant every fault in turn."""
    rows, wrong = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row, said in (
            *(try_fault(fault, folder) for fault in faults),
            upgrade(folder),
            no_false_alarm(folder, verifies),
        ):
            rows.append(row)
            wrong += said
    return Table(
        "planted faults: what finds each, where, and the cause it names",
        ("fault", "found by", "file", "cause", "inside"),
        tuple(rows),
        tuple(wrong),
    )


def _pass_two_seconds(root: Path) -> None:
    """Wait until a zip written now has another time than the one on record: they count by two."""
    made = load(root).home.path.stat().st_mtime
    time.sleep(max(0.0, 2.1 - (time.time() - made)))
