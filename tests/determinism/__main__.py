"""`make determinism`: every proof of this folder in turn, each with a table.

A proof is a module here that has `prove() -> Table`. The exit code says whether all held. Names of
modules as arguments prove those alone.
"""

import argparse
import importlib
import pkgutil
import sys
import time

import tests.determinism


def main() -> int:
    """Prove; returns 1 if anything was not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="default: every proof")
    names, wrong = parser.parse_args().names, 0
    for name in names or [found.name for found in pkgutil.iter_modules(tests.determinism.__path__)]:
        if name.startswith(("test_", "__")):
            continue
        prove = getattr(importlib.import_module(f"tests.determinism.{name}"), "prove", None)
        if prove is None:
            continue
        begun = time.monotonic()
        table = prove()
        print(table, f"({time.monotonic() - begun:.0f} s)", flush=True)
        wrong += len(table.wrong)
    print(f"\n{wrong} wrong" if wrong else "\neverything was as promised")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
