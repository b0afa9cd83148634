"""One trial: a home, a command that is harmed, a look at what is left, and the command again."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.torture import invariants
from tests.torture.project import Ended, Project, end

Harm = Callable[[Path], Ended]


@dataclass(frozen=True, slots=True)
class Scene:
    """A command over a home as it was before; `digests` are what it ends in when nobody harms it.

    `before` is None for a home that is not there yet.
    """

    name: str
    before: Path | None
    command: tuple[str, ...]
    again: tuple[str, ...]
    digests: dict[str, str]


def scenes(project: Project, folder: Path) -> dict[str, Scene]:
    """Prepare the homes that trials begin with, and what each has to end in."""
    put_second = ("put", "texts", str(project.second), "--replace")
    parameters = ("params", "count.seconds=0.01", "--commit")
    settled, outstanding = folder / "settled", folder / "outstanding"
    _must(project.ibid(settled, "put", "texts", project.first, "--replace"))
    shutil.copytree(settled, outstanding)
    _must(project.ibid(outstanding, *put_second, "--no-run"))
    # Whichever way the second texts come in, they end in the same digests.
    second = _undisturbed(project, outstanding, folder / "calm", "run")
    other = _undisturbed(project, settled, folder / "calm-params", *parameters)
    return {
        scene.name: scene
        for scene in (
            Scene("new", None, (*put_second, "--no-run"), put_second, second),
            Scene("put", settled, (*put_second, "--no-run"), put_second, second),
            Scene("params", settled, (*parameters, "--no-run"), parameters, other),
            Scene("run", outstanding, ("run",), ("run",), second),
            Scene("put+run", settled, put_second, put_second, second),
        )
    }


def attempt(project: Project, scene: Scene, home: Path, harm: Harm) -> list[str]:
    """Harm a scene's command in a new home; returns the promises that were broken."""
    if scene.before is not None:
        shutil.copytree(scene.before, home)
    before = invariants.shown(home)
    ended = harm(home)
    complaints = _untold(ended) + invariants.broken(home, before)
    before = invariants.shown(home)
    again = end(project.start(home, *scene.again))
    if again.code != 0:
        complaints.append(f"the same command again ends with {again.code}: {again.log}")
    if "waiting" in again.log.lower() or "blocked" in again.log:
        complaints.append(f"a lock was left: {again.log}")
    complaints += invariants.broken(home, before) + invariants.left(home)
    if (digests := invariants.heads(home)) != scene.digests:
        complaints.append(f"other digests than undisturbed: {digests}, not {scene.digests}")
    shutil.rmtree(home)
    return complaints


def _untold(ended: Ended) -> list[str]:
    """A command that was not killed says what is wrong in words: no trace, no driver's text."""
    bad = ("Traceback", "sqlite3.", "database is locked", "a bug of the engine", "blocked:")
    if any(word in ended.log for word in bad):
        return [f"ended with {ended.code} and said: {ended.log}"]
    if ended.code > 0 and not ended.log.strip():
        return [f"ended with {ended.code} and said nothing"]
    return []


def _must(ended: Ended) -> None:
    if ended.code != 0:
        raise AssertionError(f"undisturbed, it ended with {ended.code}: {ended.log}")


def _undisturbed(project: Project, before: Path, home: Path, *command: str) -> dict[str, str]:
    shutil.copytree(before, home)
    _must(project.ibid(home, *command))
    return invariants.heads(home)
