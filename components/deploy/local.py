"""A folder as a place to run: one folder a release, and a link `current` to the one in force.

The link changes in one rename and only to a complete folder, so whoever reads `current` sees the
old release or the new one, never a mixture.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from ibid.stage.contract import BadInputError, TemporaryError


def place(folder: Path, digest: str, files: Mapping[str, bytes]) -> bool:
    """Put a release into a folder and make it the current one.

    Args:
        folder: where releases run; made if missing.
        digest: names the release.
        files: its files by name.

    Returns:
        Whether anything changed; a second time nothing does.

    Raises:
        BadInputError: the folder cannot be used.
        TemporaryError: writing failed for another reason, such as a full disk.
    """
    try:
        if _placed(folder, digest, files):
            return False
        home = folder / digest
        home.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(home / name, content)
        _point(folder / "current", digest)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise BadInputError(
            "Expected a folder for releases that can be written.",
            received=error,
            hint="ibid params deploy.folder=/FOLDER --commit",
        ) from error
    except OSError as error:
        raise TemporaryError(f"Expected to write to {folder}.", received=error) from error
    return True


def _placed(folder: Path, digest: str, files: Mapping[str, bytes]) -> bool:
    current = folder / "current"
    if not current.is_symlink() or current.readlink() != Path(digest):
        return False
    return all(
        (current / name).is_file() and (current / name).read_bytes() == content
        for name, content in files.items()
    )


def _replace(path: Path, content: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as temporary:
        temporary.write(content)
    Path(temporary.name).chmod(0o644)  # the server is another user
    Path(temporary.name).replace(path)


def _point(link: Path, target: str) -> None:
    fresh = link.with_name(f".{link.name}-{target}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
