"""`make fuzz`: throw inputs at ingest that atheris grows from the corpus by what code they reach.

It ends after so many inputs or seconds, whichever comes first, and with the first input that breaks
a promise, hangs or takes too much memory: that lies in `.fuzz/` then, and belongs into the corpus.
"""

import sys
from pathlib import Path

import atheris

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(".fuzz")
LIMITS = (
    "-runs=20000",
    "-max_total_time=120",
    "-timeout=20",
    "-rss_limit_mb=1500",
    "-max_len=8192",
)

with atheris.instrument_imports(include=["components", "tarfile", "gzip", "PIL", "xml.etree"]):
    from tests.fuzz.upload import check

if __name__ == "__main__":
    FOUND.mkdir(exist_ok=True)
    places = (str(FOUND), str(CORPUS))
    atheris.Setup(
        [sys.argv[0], *LIMITS, f"-artifact_prefix={FOUND}/", *sys.argv[1:], *places], check
    )
    atheris.Fuzz()
