"""The secrets that stages are given: from a file that is this user's alone, never from the store.

A value reaches the stage's process and nothing else: what the stage prints is masked, an output
that holds one is refused, and keys and records name secrets without their values.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ibid.engine import scratch
from ibid.engine.masking import Mask
from ibid.spec.near import did_you_mean
from ibid.spec.secret import Secret
from ibid.spec.spec import Spec
from ibid.stage.contract import BadInputError, UsageError
from ibid.store.home import Home

FILE = "IBID_SECRETS"
ROOT = "SECRETS_ROOT"
SHORTEST = 4  # a shorter value would mask half a log
Values = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What one spec's stages are given: variables, and files by their absolute path."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    mask: Mask = field(default_factory=Mask, repr=False)

    def lay_out(self, folder: Path) -> dict[str, str]:
        """Write the files below a folder of this user's; returns the variables to start with."""
        scratch.remove(folder)
        if not self.files:
            return dict(self.variables)
        folder.mkdir(mode=0o700, parents=True)
        for path, value in self.files.items():
            target = folder / path.strip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
                stream.write(value)
        return {ROOT: str(folder), **self.variables}

    def check_output(self, out: Path) -> None:
        """Refuse an output with a secret in it, in a name, a link or a file: BadInputError."""
        for entry in scratch.entries(out) if self.mask else ():
            shown = entry.path[len(str(out)) + 1 :]
            path = Path(entry.path)
            told = f"{shown}\0{path.readlink()}" if entry.is_symlink() else shown
            named = self.mask.text(told) != told
            if named or (path.is_file() and self.mask.is_in(path)):
                raise BadInputError(
                    "Expected an output without the value of a secret.",
                    received=self.mask.text(shown),
                    hint="what a stage writes is kept for ever: write what the secret gave, not it",
                )


def place(home: Home) -> Path:
    """Say where the secrets are; there need not be any."""
    return Path(os.environ.get(FILE) or home.path / "secrets.yaml").absolute()


def load(home: Home, spec: Spec) -> Secrets:
    """Read what a spec asks for; raises UsageError if it is not there, or two are in one place."""
    if not spec.secrets:
        return Secrets()
    file = place(home)
    values = _read(file)
    variables: dict[str, str] = {}
    files: dict[str, str] = {}
    places: list[tuple[str, str]] = []
    used: list[str] = []
    for secret in spec.secrets:
        keys = _keys(file, values, secret, spec.name)
        used += keys.values()
        if secret.env_var:
            variables[secret.env_var] = keys[secret.key]
            places.append((secret.env_var, f"{secret.name}.{secret.key}"))
        if secret.mount_path:
            files |= {f"{secret.mount_path}/{key}": value for key, value in keys.items()}
            places += ((f"{secret.mount_path}/{key}", f"{secret.name}.{key}") for key in keys)
    _refuse_clashes(places, spec.name)
    return Secrets(variables, files, Mask(used))


def _refuse_clashes(places: list[tuple[str, str]], pipeline: str) -> None:
    """Refuse two secrets in one variable or file, or one in a folder where the other is a file."""
    taken: dict[str, str] = {}
    pairs = [(place, taken.setdefault(place, name), name) for place, name in places]
    for place, name in places:
        parents = (str(folder) for folder in Path(place).parents)
        pairs += ((folder, taken[folder], name) for folder in parents if folder in taken)
    for place, one, other in pairs:
        if one != other:
            raise UsageError(
                f"Expected each secret of '{pipeline}' in a place of its own.",
                received=f"{one} and {other} at {place}",
                hint="give one another env_var or mount_path in pipeline.yaml, then `ibid specs`",
            )


def _keys(file: Path, values: Values, secret: Secret, pipeline: str) -> Mapping[str, str]:
    """Return the keys of one secret."""
    keys = values.get(secret.name)
    if keys is None:
        near = did_you_mean(secret.name, values)
        raise UsageError(
            f"Expected the secret '{secret.name}', which '{pipeline}' asks for, in {file}.",
            received=", ".join(sorted(values)) or "none",
            hint=f"did you mean {near}?" if near else f"add `{secret.name}: {{KEY: VALUE}}` to it",
        )
    if secret.key and secret.key not in keys:
        raise UsageError(
            f"Expected the secret '{secret.name}' in {file} with the key '{secret.key}', which "
            f"'{pipeline}' asks for.",
            received=", ".join(sorted(keys)) or "no key",
        )
    return keys


def _read(file: Path) -> Values:
    """Read the file, `NAME: {KEY: VALUE}`; no error of it tells what it holds."""
    import yaml

    try:
        found = file.stat()
    except OSError as error:
        raise UsageError(
            f"Expected secrets in {file}.",
            received=error.strerror,
            hint=f"write `NAME: {{KEY: VALUE}}` there, chmod 600 it, or set {FILE}",
        ) from None
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UsageError(
            f"Expected {file} to be readable by its owner alone, who runs this.",
            received=f"mode {stat.S_IMODE(found.st_mode):o}, owner {found.st_uid}",
            hint=f"chmod 600 {file}",
        )
    try:
        value: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):  # its message quotes the line
        raise UsageError(f"Expected YAML, in UTF-8, in {file}.") from None
    _check(file, value)
    return {name: dict(keys) for name, keys in value.items()}


def _check(file: Path, value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise UsageError(f"Expected `NAME: {{KEY: VALUE}}` in {file}.", received="something else")
    for name, keys in value.items():
        for key, text in keys.items():
            where = f"{name}.{key}"
            if not isinstance(key, str) or "/" in key or key in ("", ".", ".."):
                raise UsageError(f"Expected a key that can name a file in {file}.", received=where)
            if not isinstance(text, str):
                raise UsageError(f"Expected {where} in {file} to be text: quote it.")
            if len(text.strip()) < SHORTEST:
                raise UsageError(
                    f"Expected {where} in {file} to have {SHORTEST} characters at least: a shorter "
                    "one cannot be masked."
                )
