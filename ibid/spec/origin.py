"""Where a parameter's value comes from: an override, or a file of the folder `conf` and a line.

Hydra composes values from many files and forgets whose they were; a message has to name the one
to mend. It knows Hydra's list of files and what each says, and judges no value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")

Parts = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One file that Hydra has composed: its name, where its values go, what it says."""

    name: str
    package: tuple[str, ...]
    root: yaml.Node | None


@dataclass(frozen=True, slots=True)
class Origins:
    """The files of a composition, those that win last, and the overrides on top of them."""

    layers: tuple[Layer, ...]
    overrides: tuple[str, ...]

    def of(self, *at: int | str) -> str:
        """Name the override, or the file and line, that a value is from.

        A value that refers to another, as `${seed}`, is from where that one is from; if nothing
        has that one, from the reference. One that is missing is from the first file that has what
        should hold it.
        """
        here, followed = tuple(map(str, at)), set[tuple[str, ...]]()
        while True:
            followed.add(here)
            source, depth, text = self._place(here)
            target = _target(text)
            if target is None or not self._set(target) or (*target, *here[depth:]) in followed:
                return source
            here = (*target, *here[depth:])

    def _set(self, at: tuple[str, ...]) -> bool:
        """Say whether an override or a file has what should be there."""
        return self._override(at) is not None or any(
            _find(layer, at)[0] == len(at) for layer in self.layers
        )

    def _override(self, at: tuple[str, ...]) -> str | None:
        """Return the last override of a value, of what holds it, or of what it holds."""
        touching = (o for o in reversed(self.overrides) if _touch(override_name(o).split("."), at))
        return next(touching, None)

    def _place(self, at: tuple[str, ...]) -> tuple[str, int, str]:
        """Name what says most of a value; returns also how many parts it has, and a text there."""
        if override := self._override(at):
            return f"override {override}", len(at), ""
        found = [(layer, *_find(layer, at)) for layer in self.layers]
        most = max(depth for _, depth, _, _ in found)
        chosen = [each for each in found if each[1] == most]
        layer, depth, line, text = chosen[-1] if most == len(at) else chosen[0]
        return f"{layer.name}, line {line}", depth, text


def origins(conf: Path, overrides: Sequence[str]) -> Origins:
    """List what a composition is made of that Hydra has made: it has refused none of it."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        listed = loader.compute_defaults_list("config", list(overrides), RunMode.RUN).defaults
    layers = [
        Layer(f"{default.config_path}.yaml", tuple(filter(None, default.package.split("."))), root)
        for default in listed
        if (path := conf / f"{default.config_path}.yaml").is_file()
        for root in [yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)]
    ]
    groups = {path.name for path in conf.iterdir() if path.is_dir()}
    values = (override for override in overrides if override_name(override) not in groups)
    return Origins(tuple(layers), tuple(values))


def override_name(override: str) -> str:
    """Cut the value and Hydra's signs off: `+model.epochs=3` sets `model.epochs`."""
    return override.partition("=")[0].lstrip("+~")


def _target(text: str) -> tuple[str, ...] | None:
    """Return the name that a text refers to, if it is a reference."""
    reference = _REFERENCE.fullmatch(text)
    return tuple(reference[1].split(".")) if reference else None


def _touch(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether one is the other, or holds it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _find(layer: Layer, at: Sequence[str]) -> tuple[int, int, str]:
    """Follow a path into a file; returns how many parts were found, the line, and a text there.

    A file whose package holds no such value found fewer than none.
    """
    if not _touch(layer.package, at):
        return -1, 1, ""
    node, line, depth = layer.root, 1, min(len(layer.package), len(at))
    for part in at[depth:]:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        inner = {key.value: (key, value) for key, value in pairs}
        inner |= {str(number): (item, item) for number, item in enumerate(items)}
        if part not in inner:
            break
        key, node = inner[part]
        line, depth = key.start_mark.line + 1, depth + 1
    return depth, line, node.value if isinstance(node, yaml.ScalarNode) else ""
