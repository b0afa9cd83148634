"""Start the stage: `python -m components.train`."""

import sys

from components.train.stage import main

if __name__ == "__main__":
    sys.exit(main())
