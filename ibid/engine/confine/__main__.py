"""`python -I -S .../confine/__main__.py`: without site packages, so the path is made here."""

import os
import sys

# At the end of the path: nothing of ours may stand before the standard library.
sys.path.append(os.path.abspath(__file__ + "/../../../.."))

from ibid.engine.confine.launcher import main

main(int(sys.argv[1]))
