"""Parameters: Hydra composes them, the workload's pydantic model validates them.

Knows the form, not the content: which parameters there are is said by the model that pipeline.yaml
names, and their values by its folder `conf`.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ibid.spec import document
from ibid.spec.complaint import explain_by, leaf_names
from ibid.spec.near import did_you_mean
from ibid.spec.origin import origins, override_name
from ibid.stage.canonical import json_bytes
from ibid.stage.contract import UsageError


def load_model(name: str) -> type[BaseModel]:
    """Import the workload's parameter model, named `module:Class`; raises UsageError."""
    module, _, attribute = name.partition(":")
    try:
        model: type[BaseModel] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"Expected the model of the parameters at {name}, as pipeline.yaml says.",
            received=error,
        ) from error
    return model


def compose(conf: Path, model: type[BaseModel], overrides: Sequence[str] = ()) -> BaseModel:
    """Compose and validate; raises UsageError for what is unknown, missing or out of range.

    Args:
        conf: the folder that Hydra reads; it holds `config.yaml`.
        model: the frozen pydantic model of the whole.
        overrides: in Hydra's grammar, such as `model.epochs=3` or `preset=tiny`.
    """
    value = _hydra(conf, model, overrides)
    try:
        parameters = model.model_validate(value)
    except ValidationError as error:
        sources = origins(conf, overrides)
        raise UsageError(
            f"Expected parameters as {model.__module__} defines them, in {conf}.",
            received="\n".join(explain_by(error, sources.of, list(leaf_names(model)))),
            hint="ibid params --schema",
        ) from error
    try:
        json_bytes(parameters.model_dump(mode="json"))
    except ValueError as error:  # JSON knows no infinity
        raise UsageError("Expected parameters that JSON can hold.", received=error) from error
    return parameters


def compose_for(
    root: Path, folder: Path, declared: Mapping[str, str], overrides: Sequence[str] = ()
) -> BaseModel:
    """Compose what a pipeline declares; its model is imported from the project's root.

    Args:
        root: the project's root.
        folder: `pipelines/NAME`.
        declared: `model` and `conf`, as in pipeline.yaml.
        overrides: as in `compose`.
    """
    return compose(folder / declared["conf"], model_of(root, declared), overrides)


def model_of(root: Path, declared: Mapping[str, str]) -> type[BaseModel]:
    """Import the parameter model that a pipeline declares."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return load_model(declared["model"])


def files(parameters: BaseModel, pipelines: Sequence[str]) -> dict[str, bytes]:
    """Cut validated parameters into one canonical file a pipeline, by file name."""
    whole = parameters.model_dump(mode="json")
    return {f"{name}.json": json_bytes(whole[name]) for name in pipelines if name in whole}


def _hydra(conf: Path, model: type[BaseModel], overrides: Sequence[str]) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for path in sorted(conf.rglob("*.yaml")):
        document.read(path)  # Hydra would expand what a few anchors stand for
    config = None
    try:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            config = hydra_compose("config", overrides=list(overrides))
        OmegaConf.resolve(config)
        return OmegaConf.to_container(config, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        words = _words(error)
        if config is not None and (name := _unresolved(config)):
            words = f"{origins(conf, overrides).of(*name.split('.'))}: {name}: {words}"
        raise UsageError(
            f"Expected parameters that Hydra can compose from {conf}.",
            received=words,
            hint=_override_hint(conf, model, overrides),
        ) from error


def _unresolved(config: Any) -> str | None:
    """Name the first value that refers to something that is not there, or to itself."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for name in _leaf_keys(OmegaConf.to_container(config, resolve=False)):
        try:
            OmegaConf.select(config, name, throw_on_missing=True)
        except OmegaConfBaseException:
            return name
    return None


def _leaf_keys(value: Any, prefix: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from _leaf_keys(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _words(error: Exception) -> str:
    """Take out of Hydra's message what helps nobody here."""
    lines = str(error).partition("Config search path:")[0].splitlines()
    idle = ("append to your", "full_key:", "object_type=")
    return "\n".join(line for line in lines if line.strip() and not any(i in line for i in idle))


def _override_hint(conf: Path, model: type[BaseModel], overrides: Sequence[str]) -> str:
    known = list(leaf_names(model))
    sections = {name.partition(".")[0] for name in known if "." in name}
    for override in overrides:
        name, value = override_name(override), override.partition("=")[2]
        choices = sorted(path.stem for path in conf.glob(f"{name}/*.yaml")) if name else []
        if choices and value not in choices:
            near = did_you_mean(value, choices)
            return (
                f"did you mean {name}={near}?" if near else f"{name} is one of {', '.join(choices)}"
            )
        if name not in {*known, *sections} and (near := did_you_mean(name, known)):
            return f"did you mean {near}?"
    return "ibid params --schema"
