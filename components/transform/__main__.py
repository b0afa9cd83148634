"""`python -m components.transform`."""

import sys

from components.transform.stage import main

if __name__ == "__main__":
    sys.exit(main())
