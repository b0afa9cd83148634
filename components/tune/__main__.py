"""Start the stage: `python -m components.tune`."""

import sys
from pathlib import Path

from ibid.stage import contract
from ibid.stage.contract import ExitCode, Inputs, Params


def run(inputs: Inputs, output: Path, params: Params, state: Path | None = None) -> ExitCode | None:
    """Import the stage behind the door: libraries read their environment when imported."""
    from components.tune import stage

    return stage.run(inputs, output, params, state)


if __name__ == "__main__":
    sys.exit(contract.main(run, resumes=True))
