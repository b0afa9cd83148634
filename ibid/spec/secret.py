"""A secret that a spec asks for: by its names alone, as Pachyderm's `transform.secrets`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ibid.stage.contract import UsageError


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a value comes from and where a stage finds it.

    `env_var` is given the value of `key`; in the folder `mount_path` every key is a file.
    """

    name: str
    key: str = ""
    env_var: str = ""
    mount_path: str = ""


def read_secret(pipeline: str, value: Mapping[str, Any]) -> Secret:
    """Read one of `transform.secrets`; raises UsageError for what is unknown or left open."""
    known = [field.name for field in fields(Secret)]
    if fault := fault_of(value) or ", ".join(sorted(set(value) - {*known})):
        raise UsageError(
            f"Expected a secret of '{pipeline}' with {', '.join(known)}.", received=fault
        )
    return Secret(**value)


def fault_of(value: Mapping[str, Any]) -> str:
    """Say what is wrong with a secret; nothing if nothing is."""
    if not value.get("env_var") and not value.get("mount_path"):
        return "neither env_var nor mount_path"
    if bool(value.get("env_var")) != bool(value.get("key")):
        return "one of env_var and key without the other"
    return ""
