"""`python -m components.calibrate`."""

import sys

from components.calibrate.stage import main

if __name__ == "__main__":
    sys.exit(main())
