"""`python -m components.oxford DIR`: fetch the Oxford-IIIT Pet Dataset.

Not a stage: it brings what a user would bring. What is there already is checked and left alone.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from components.oxford.archive import ARCHIVES, SOURCE
from components.oxford.download import PART, expect_room, fetch, missing
from components.oxford.progress import watching
from ibid.stage.contract import BadInputError, ExitCode, IbidError


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch both tarballs as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m components.oxford", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the two tarballs go")
    parser.add_argument(
        "--from", dest="source", default=SOURCE, metavar="URL", help=f"a mirror ({SOURCE})"
    )
    args = parser.parse_args(argv)
    try:
        fetched = fetch_all(args.folder, args.source)
    except IbidError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.code)
    except OSError as error:
        refused = BadInputError(f"Expected to write in {args.folder}.", received=error)
        print(f"error: {refused}", file=sys.stderr)
        return int(refused.code)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        return int(ExitCode.TEMPORARY)
    print(f"{'fetched' if fetched else 'unchanged:'} {len(ARCHIVES)} archives in {args.folder}")
    return int(ExitCode.DONE)


def fetch_all(folder: Path, source: str) -> bool:
    """Fetch what is not there; returns whether anything was fetched.

    Raises BadInputError if the folder holds anything else, which would be committed with it,
    TemporaryError if the disk cannot hold what is missing, and what `fetch` raises.
    """
    _refuse_foreign(folder)
    expect_room(sum(missing(archive, folder) for archive in ARCHIVES), folder)
    fetched = False
    for archive in ARCHIVES:
        with watching(archive, missing(archive, folder)) as watch:
            fetched = fetch(archive, source, folder, watch) or fetched
    return fetched


def _refuse_foreign(folder: Path) -> None:
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    ours = {archive.name + end for archive in ARCHIVES for end in ("", PART)}
    if foreign := sorted(found - ours):
        raise BadInputError(
            f"Expected an empty folder, or one with an earlier download, at {folder}.",
            received=", ".join(foreign[:8]),
            hint=f"another folder; of your own photos in this one: make run DATA=./{folder.name}",
        )


if __name__ == "__main__":
    sys.exit(main())
