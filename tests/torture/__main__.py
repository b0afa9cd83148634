"""`make torture`: kill, fail, fill and crowd the engine, some hundred times; a table at the end.

The seed is printed; given again, it draws the same trials. The exit code says whether every promise
was kept. Takes about ten minutes on two cores.
"""

import argparse
import random
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.torture import crowd, full_disk, invariants
from tests.torture.campaign import Campaign

CROWDS, CROWD = 5, 12
DISKS = 24


def main() -> int:
    """Torture; returns 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    seed = parser.parse_args().seed
    _say(f"seed {seed}  (the same again: make torture ARGS='--seed {seed}')")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ibid-torture-") as name:
        folder = Path(name)
        campaign = Campaign(folder, seed)
        broken = _harm(campaign) + _crowd(campaign, seed) + _fill(folder / "full", seed)
    rows = [(*key, number) for key, number in sorted(campaign.done.items())]
    for scene, kind, number in rows:
        _say(f"{scene:10} {kind:32} {number:5}")
    kills = sum(n for _, kind, n in rows if kind.startswith(("SIGKILL", "kill", "tear")))
    minutes = (time.monotonic() - begun) / 60
    _say(
        f"{kills} kills, {sum(n for *_, n in rows) - kills} errors, {minutes:.0f} min, seed {seed}"
    )
    _say("\n".join(["broken promises:", *broken]) if broken else "every promise was kept")
    return int(bool(broken))


def _harm(campaign: Campaign) -> list[str]:
    if campaign.library is None:
        _say("no C compiler: no kills and errors at exact system calls, random kills only")
    more = 1 if campaign.library else 4
    trials = [
        *campaign.random_kills("put", 30 * more),
        *campaign.random_kills("params", 10 * more),
        *campaign.random_kills("run", 50 * more),
        *campaign.random_kills("put+run", 50 * more),
        *campaign.kills_at_calls("new"),
        *campaign.kills_at_calls("put"),
        *campaign.kills_at_calls("params", 2),
        *campaign.kills_at_calls("run", 4),
        *campaign.torn_writes("new", 2),
        *campaign.torn_writes("put"),
        *campaign.torn_writes("run", 4),
        *campaign.errors("put", "once", "EIO", 2),
        *campaign.errors("put", "from", "ENOSPC", 2),
        *campaign.errors("new", "from", "ENOSPC", 4),
        *campaign.errors("run", "once", "EIO", 14),
        *campaign.errors("run", "from", "ENOSPC", 14),
    ]
    _say(f"{len(trials)} trials")
    campaign.go(trials, _say)
    return campaign.broken


def _crowd(campaign: Campaign, seed: int) -> list[str]:
    project, home = campaign.project, campaign.scenes["put"].before
    if home is None:
        raise RuntimeError("the scene has no home")
    dice, broken = random.Random(seed), []
    for _ in range(CROWDS):
        commands = crowd.drawn(project, dice, CROWD)
        ended = crowd.at_once(project, home, [command for command, _ in commands])
        broken += crowd.wrong(commands, ended) + invariants.broken(home, {})
    project.ibid(home, "run")
    broken += crowd.contradictions(home) + invariants.left(home)
    broken += crowd.replayed(project, home, home.with_name("replayed"))
    _say(f"{CROWDS} crowds of {CROWD} commands: {len(broken)} wrong")
    return broken


def _fill(folder: Path, seed: int) -> list[str]:
    if full_disk.namespace() is None:
        _say("no namespace to mount in: no full disks (the system allows unshare -m neither way)")
        return []
    folder.mkdir()
    done = full_disk.started(folder, DISKS, seed)
    _say(f"{DISKS} disks that are too small\n{done.stdout}")
    told = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return told or (["the trials of full disks failed"] if done.returncode else [])


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
