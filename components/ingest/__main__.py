"""`python -m components.ingest`."""

import sys

from components.ingest.stage import main

if __name__ == "__main__":
    sys.exit(main())
