"""`python -m components.sample DIR`: draw a data set to try the pipeline on.

Not a stage: it makes what a user would bring. A folder that holds anything else is left alone.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from components.sample.pack import is_drawing, pack
from ibid.stage.contract import BadInputError, ExitCode, IbidError

IMAGES, ANNOTATIONS, DRAFT = "images.tar.gz", "annotations.tar.gz", ".draft"


def main(argv: Sequence[str] | None = None) -> int:
    """Draw a sample as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m components.sample", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the two tarballs go")
    parser.add_argument("--pets", type=_positive, default=160, metavar="N", help="how many (160)")
    parser.add_argument("--seed", type=_natural, default=1, metavar="S", help="which ones (1)")
    args = parser.parse_args(argv)
    try:
        changed = draw(args.folder, args.pets, args.seed)
    except IbidError as error:
        print(error, file=sys.stderr)
        return error.code
    print(f"{'drew' if changed else 'unchanged:'} {args.pets} pets in {args.folder}")
    return ExitCode.DONE


def draw(folder: Path, pets: int, seed: int) -> bool:
    """Draw a sample into a folder; returns whether its bytes changed.

    Raises BadInputError if the folder holds anything but an earlier drawing.
    """
    _refuse_foreign(folder)
    packed = pack(pets, seed)
    folder.mkdir(parents=True, exist_ok=True)
    # The annotations first: they hold the mark by which an unfinished drawing is known.
    changed = _write(folder / ANNOTATIONS, packed.annotations)
    return _write(folder / IMAGES, packed.images) or changed


def _refuse_foreign(folder: Path) -> None:
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    names = found - {IMAGES + DRAFT, ANNOTATIONS + DRAFT}
    marked = folder / ANNOTATIONS
    ours = marked.is_file() and is_drawing(marked.read_bytes())
    if names and not (ours and names <= {IMAGES, ANNOTATIONS}):
        raise BadInputError(
            f"Expected an empty folder, or one with an earlier drawing, at {folder}.",
            received=", ".join(sorted(names)[:8]),
            hint="choose another folder, or remove this one yourself",
        )


def _write(path: Path, data: bytes) -> bool:
    """Write a file in one step unless it holds these bytes already."""
    if path.is_file() and path.read_bytes() == data:
        return False
    draft = path.with_name(path.name + DRAFT)
    draft.write_bytes(data)
    draft.replace(path)
    return True


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _positive(text: str) -> int:
    if (number := _natural(text)) == 0:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
