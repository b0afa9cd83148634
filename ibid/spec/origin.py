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

        A value that refers to another, as `${seed}`, is from where that one is from; one that is
        missing, from the first file that has what should hold it.
        """
        here, followed = tuple(map(str, at)), set[tuple[str, ...]]()
        while True:
            followed.add(here)
            for override in reversed(self.overrides):
                if _touch(override_name(override).split("."), here):
                    return f"override {override}"
            found = [_find(layer, here) for layer in self.layers]
            depth = max(depth for depth, _, _ in found)
            chosen = [number for number, (reached, _, _) in enumerate(found) if reached == depth]
            number = chosen[-1] if depth == len(here) else chosen[0]
            _, line, text = found[number]
            reference = _REFERENCE.fullmatch(text)
            here = (*reference[1].split("."), *here[depth:]) if reference else here
            if here in followed:
                return f"{self.layers[number].name}, line {line}"


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


def _touch(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether one is the other, or holds it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _find(layer: Layer, at: Sequence[str]) -> tuple[int, int, str]:
    """Follow a path into a file; returns how many parts were found, the line, and a text there."""
    if not _touch(layer.package, at):
        return 0, 1, ""
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
