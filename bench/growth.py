"""What a store's age and size cost: `put`, `plan` and `lineage` at 10,000 commits, 1,000,000 files.

Each figure is a ratio against the same call in the same run on a young store: 1.0 is a cost that
does not grow. Calls are made in this process, so that the start of Python hides nothing. Planning
and lineage take microseconds: the least of many calls is taken.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench import plain
from bench.timing import Timed, ibid, timed
from ibid.engine import inputs, plan, run
from ibid.engine.project import Project, load
from ibid.proof.lineage import lineage
from ibid.store.commits import Commit, Store, new_id
from ibid.store.trees import FOLDER, Entry

TARGET = 1.2
SPAN = 100  # calls that a median is taken of


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


@contextlib.contextmanager
def opened(base: Path) -> Iterator[tuple[Project, Store]]:
    """Make a project with a store of its own."""
    plain.make(base, "copied", "/*", "cmd: [sh, -c, 'cp $files $PFS_ROOT/out']")
    project = load(base)
    with contextlib.closing(project.home.open(project.name)) as store:
        yield project, store


def puts(base: Path, repo: str, commits: int) -> dict[str, float]:
    """Time puts of one small file each, and planning and lineage, at the first and at the last."""
    folder = base / "folder"
    folder.mkdir(parents=True)
    found: dict[str, float] = {}
    with opened(base / "project") as (project, store):

        def put(number: int) -> None:
            (folder / "file").write_text(str(number))
            inputs.put(project, store, repo, folder, replace=False)

        def look() -> dict[str, float]:
            head = store.resolve("copied")
            calls: dict[str, Callable[[], object]] = {
                "plan": lambda: plan.plan(project, store),
                "lineage": lambda: lineage(store, head),
            }
            return {name: min(seconds(call) for _ in range(SPAN)) for name, call in calls.items()}

        put(0)
        if repo == "files":
            run.run(project, store, lambda _: None, lambda _: None)
            before = look()
        times = [seconds(partial(put, n)) for n in range(1, commits + 1)]
        found["put"] = statistics.median(times[-SPAN:]) / statistics.median(times[:SPAN])
        found["put_ms"] = 1000 * statistics.median(times[-SPAN:])
        if repo == "files":
            output = store.resolve("copied")
            for _ in range(commits):
                age(store, output)
            run.run(project, store, lambda _: None, lambda _: None)
            found |= {name: value / before[name] for name, value in look().items()}
    return found


def age(store: Store, output: Commit) -> None:
    """Commit an output once more, as a run would that came to the same."""
    tree = Entry("", FOLDER, output.tree, output.size)
    store.commit(output.repo, new_id(), tree, output.provenance)


def files(base: Path, many: int) -> dict[str, float]:
    """Time one put of few files and one of many, each into a store of its own, and `cp -r` of them.

    What a put of ten files takes, the start of Python above all, is taken off both. A disk may slow
    down with what it holds: `cp` says by how much, and processor seconds do not hold it.
    """
    plain.make(base / "project", "nothing", "/", "cmd: ['true']")
    found: dict[str, float] = {}
    start = Timed(0.0, 0.0, 0.0)
    for name, count in (("start", 10), ("few", many // 100), ("many", many)):
        data = base / name
        for number in range(count):
            if number % 1000 == 0:
                (data / str(number)).mkdir(parents=True)
            (data / str(number - number % 1000) / str(number)).write_text(f"{number}")
        home = {"IBID_HOME": str(base / f"home-{name}")}
        put = timed(ibid("put", "uploads", data, "--no-run"), base / "project", home)
        copy = timed(
            ["sh", "-c", 'cp -r "$0" "$1" && sync -f "$1"', str(data), f"{data}-copy"], base
        )
        start = put if name == "start" else start
        found[f"{name}_us"] = 1e6 * (put.seconds - start.seconds) / count
        found[f"{name}_cpu_us"] = 1e6 * (put.cpu - start.cpu) / count
        found[f"{name}_copy_us"] = 1e6 * copy.seconds / count
        found[f"{name}_peak"] = put.peak
    found["file"] = found["many_us"] / found["few_us"]
    found["cpu"] = found["many_cpu_us"] / found["few_cpu_us"]
    found["copy"] = found["many_copy_us"] / found["few_copy_us"]
    found["memory"] = found["many_peak"] / found["few_peak"]
    return found


def main() -> int:
    """Print a table, or JSON; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        uploads = puts(base / "uploads", "uploads", args.commits)
        replaced = puts(base / "replaced", "files", args.commits)
        many = files(base / "files", args.files)
    ratios = {
        f"put, {args.commits} uploads there": uploads["put"],
        f"put of a file, {args.commits} commits before": replaced["put"],
        f"plan, {args.commits} commits and outputs before": replaced["plan"],
        f"lineage, {args.commits} commits and outputs before": replaced["lineage"],
        f"put of {args.files} files, a file": many["file"],
        f"put of {args.files} files, processor time a file": many["cpu"],
        f"put of {args.files} files, memory": many["memory"],
    }
    if args.json:
        print(json.dumps({"uploads": uploads, "replaced": replaced, "files": many} | ratios))
    else:
        print("against the first, or against a hundredth of the files")
        for name, ratio in ratios.items():
            print(f"  {name:52} {ratio:6.2f}  (target {TARGET} at most)")
        print(f"  {'cp -r of them and sync, a file':52} {many['copy']:6.2f}  (the disk's own)")
    return 0 if all(ratio <= TARGET for ratio in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
