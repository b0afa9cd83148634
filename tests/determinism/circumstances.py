"""What must not matter to a result, all of it changed at once: folders, zone, locale, umask, …"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALL = frozenset(os.sched_getaffinity(0))
ONE = frozenset([min(ALL)])


@dataclass(frozen=True, slots=True)
class Circumstances:
    """A folder for home and temporary files, and how a process is started."""

    folder: Path
    cores: frozenset[int] = ALL
    umask: int = 0o022
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: Sequence[object], cwd: Path, **variables: str) -> str:
        """Run a command to its end and return its output; raises RuntimeError where it fails."""
        own = {"HOME": self.folder / "home", "TMPDIR": self.folder / "tmp"}
        for path in (*own.values(), cwd):
            path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*map(str, command)],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
            | {name: str(path) for name, path in own.items()}
            | {**self.variables, **variables},
            umask=self.umask,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"{command[:4]} ended with {done.returncode}:\n{done.stderr[-2000:]}"
            )
        return done.stdout


def here(folder: Path, cores: frozenset[int] = ALL) -> Circumstances:
    """Return plain circumstances."""
    return Circumstances(folder, cores, variables={"PYTHONHASHSEED": "0"})


def elsewhere(folder: Path, cores: frozenset[int] = ALL) -> Circumstances:
    """Return others in every way that is known to have moved bytes somewhere."""
    return Circumstances(
        folder / "an other place",
        cores,
        umask=0o077,
        variables={
            "PYTHONHASHSEED": "4294967295",
            "TZ": "Asia/Kathmandu",
            "LC_ALL": "C",
            "LANG": "tr_TR.ISO-8859-9",
            "COLUMNS": "40",
            "MALLOC_PERTURB_": "165",  # fresh memory holds this, not zeros
            "MALLOC_ARENA_MAX": "1",
            # What Pachyderm tells foreign code; ours must not read it.
            "PACH_JOB_ID": "feed",
            "PACH_DATUM_ID": "beef",
            "PACH_OUTPUT_COMMIT_ID": "cafe",
            "stream_COMMIT": "dead",
            "ingest_COMMIT": "dead",
        },
    )


def digests(folder: Path) -> dict[str, str]:
    """Hash every file below a folder, by its path."""
    return {path: sha256((folder / path).read_bytes()).hexdigest() for path in _files(folder)}


def _files(folder: Path) -> Iterator[str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return (path.relative_to(folder).as_posix() for path in found)
