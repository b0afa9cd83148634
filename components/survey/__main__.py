"""`python -m components.survey`."""

import sys

from components.survey.stage import main

if __name__ == "__main__":
    sys.exit(main())
