"""Start the stage: `python -m components.survey`."""

import sys
from pathlib import Path

from ibid.stage import contract
from ibid.stage.contract import ExitCode, Inputs, Params


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode | None:
    """Import the stage behind the door: libraries read their environment when imported."""
    from components.survey import stage

    return stage.run(inputs, output, params)


if __name__ == "__main__":
    sys.exit(contract.main(run))
