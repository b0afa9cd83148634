"""Start the stage: `python -m components.deploy`."""

import sys
from pathlib import Path

from ibid.stage import contract
from ibid.stage.contract import Inputs, Params


def run(inputs: Inputs, output: Path, params: Params) -> None:
    """Import the stage behind the door: libraries read their environment when imported."""
    from components.deploy import stage

    stage.run(inputs, output, params)


if __name__ == "__main__":
    sys.exit(contract.main(run))
