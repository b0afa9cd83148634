"""`python -m components.release`."""

import sys

from components.release.stage import main

if __name__ == "__main__":
    sys.exit(main())
