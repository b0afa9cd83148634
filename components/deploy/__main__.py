"""`python -m components.deploy`."""

import sys

from components.deploy.stage import main

if __name__ == "__main__":
    sys.exit(main())
