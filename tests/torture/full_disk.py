"""Homes on disks that are too small: each command says so, and ends well once there is room.

Mounting needs a namespace of its own: `python -m tests.torture.full_disk FOLDER NUMBER SEED`, which
`unshare` starts, prints what was broken, a line each, and ends with 1 if anything was.
"""

import os
import random
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.torture.project import ROOT, Ended, Project, end
from tests.torture.trial import Scene, attempt, scenes

PAGE = 4096
WIDE = 64 << 20
POLL_SECONDS = 0.002
SCENES = ("put", "run", "new", "put+run")
# What a message has to hold so that its reader knows what is full.
TOLD = ("Expected room on the disk that holds", "the disk that holds")


def namespace() -> list[str] | None:
    """Say how to start a command that may mount; None where the system does not allow it."""
    for command in (["unshare", "-m"], ["unshare", "-Urm"]):
        probe = [*command, "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
        if (
            shutil.which("unshare")
            and not subprocess.run(probe, capture_output=True, check=False).returncode
        ):
            return command
    return None


def started(folder: Path, number: int, seed: int) -> "subprocess.CompletedProcess[str]":
    """Make `number` trials in a namespace; `namespace()` has to be there."""
    command = [
        *(namespace() or []),
        sys.executable,
        "-m",
        __name__,
        str(folder),
        str(number),
        str(seed),
    ]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False)


def main(folder: Path, number: int, seed: int) -> int:
    """Make the trials; returns 1 if a promise was broken."""
    dice = random.Random(seed)
    project = Project(folder / "project", texts=2)
    made = scenes(project, folder)
    where, broken = Counter[str](), 0
    _mount(Path("/dev/shm"), PAGE)  # so that small datums too are laid out on the disk in question
    wanted = {name: _peak(project, made[name], folder / "wide") for name in SCENES[:number]}
    for each in range(number):
        scene = made[SCENES[each % len(SCENES)]]
        room = int(PAGE * (wanted[scene.name] / PAGE) ** dice.random())  # as often little as much
        ended, complaints = _trial(project, scene, folder / f"disk{each}", room)
        where[_summary(ended)] += 1
        broken += len(complaints)
        for complaint in complaints:
            print(f"{scene.name} with room for {room} bytes: {complaint}", flush=True)
    for text, times in where.most_common():
        print(f"# {times:4} x {text}")
    return int(broken > 0)


def _trial(project: Project, scene: Scene, folder: Path, room: int) -> tuple[Ended, list[str]]:
    """Run a command on a disk with so much room, make more, and look; see `attempt`."""
    kept: list[Ended] = []

    def harm(home: Path) -> Ended:
        _remount(folder, _taken(folder) + max(room, PAGE))
        kept.append(end(project.start(home, *scene.command)))
        _remount(folder, WIDE)
        return kept[0]

    with _disk(folder, WIDE):
        complaints = attempt(project, scene, folder / "home", harm)
    if kept[0].code and not any(f"{told} {folder}" in kept[0].log for told in TOLD):
        complaints.append(f"it does not say what is full: {kept[0].log}")
    return kept[0], complaints


def _summary(ended: Ended) -> str:
    """Say in short what was full; the folder's own name is left out."""
    told = [line.strip() for line in ended.log.splitlines() if any(word in line for word in TOLD)]
    if not told:
        return f"exit code {ended.code}"
    tail = told[0].partition("/home")[2].partition("@")[0].split(" ")[0].rstrip(".")
    return f"exit code {ended.code}, full at home{'/'.join(tail.split('/')[:3])}"


def _peak(project: Project, scene: Scene, disk: Path) -> int:
    """Return the most that a scene's command adds to the disk at once, in bytes."""
    with _disk(disk, WIDE):
        home, done, most = disk / "home", threading.Event(), [0]
        if scene.before is not None:
            shutil.copytree(scene.before, home)
        begun = _taken(disk)

        def watch() -> None:
            while not done.wait(POLL_SECONDS):
                most[0] = max(most[0], _taken(disk))

        thread = threading.Thread(target=watch)
        thread.start()
        end(project.start(home, *scene.command))
        done.set()
        thread.join()
        shutil.rmtree(home)
    return most[0] - begun


def _taken(disk: Path) -> int:
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


@contextmanager
def _disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    _mount(folder, size)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def _mount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)


def _remount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
