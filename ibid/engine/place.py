"""Where a worker runs, and with what: its folders, its code, and what its stage may touch.

It does not know how a stage is started, nor what a datum is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ibid.engine import scratch, secrets
from ibid.engine.sandbox import OWN, Sandbox
from ibid.engine.secrets import Secrets
from ibid.engine.work import Work
from ibid.store.home import Home

SECRETS = "secrets"  # a folder beside a worker's own, if its spec has any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker runs, and with what.

    `modules` may be imported beside the code; `folder` holds the worker's own folders, `pfs` stands
    for `/pfs`; `group` is what the names of its control groups begin with.
    """

    code: Path
    modules: Collection[str]
    secrets: Secrets
    folder: Path
    pfs: Path
    log: Path
    sandbox: Sandbox
    group: str


def make_place(
    home: Home, work: Work, given: Secrets, code: Path, folder: Path, pfs: Path, log: Path
) -> Place:
    """Make the folders of a worker.

    Args:
        home: whose store and secrets its stage does not reach.
        work: what it is to do.
        given: the secrets that its stage is given.
        code: the stage's code, laid out.
        folder: for its own folders.
        pfs: what stands for `/pfs`; that of another worker, for an `err_cmd`.
        log: the file that its stage prints to.
    """
    return Place(
        code=code,
        modules=work.modules,
        secrets=given,
        folder=folder,
        pfs=pfs,
        log=log,
        sandbox=_sandbox(home, work, given, code, folder, pfs),
        group=scratch.group_prefix(home),
    )


def _sandbox(
    home: Home, work: Work, given: Secrets, code: Path, folder: Path, pfs: Path
) -> Sandbox:
    """Say what a worker's stage may touch; an effect may change the world, but not the home."""
    spec = work.spec
    writable = [pfs / "out", *(folder / name for name in OWN)]
    readable = [code, pfs, *([folder / SECRETS] if given.files else [])]
    protected: list[Path] = []
    if spec.effect:
        home.deployed.mkdir(exist_ok=True)
        writable.append(home.deployed)
        # A run beside this one may lay out there later, where nothing would protect it.
        memory = scratch.make_in_memory(home)
        protected = [home.path, *([memory] if memory else [])]
    for path in (pfs, *writable):
        path.mkdir(parents=True, exist_ok=True)
    return Sandbox(
        cwd=folder / "work",
        readable=tuple(readable),
        writable=tuple(writable),
        protected=tuple(protected),
        hidden=(secrets.place(home), home.scratch, home.state, scratch.in_memory(home)),
        network=spec.network or spec.effect,
    )
