"""Start the stage: `python -m components.tune`."""

import sys

from components.tune.stage import main

if __name__ == "__main__":
    sys.exit(main())
