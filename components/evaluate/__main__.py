"""`python -m components.evaluate`."""

import sys

from components.evaluate.stage import main

if __name__ == "__main__":
    sys.exit(main())
