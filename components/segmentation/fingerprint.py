"""A digest of each layer of a network, by which two trainings are compared epoch by epoch.

A digest says that two layers differ, and so where a difference began, without keeping the weights.
"""

import hashlib
from typing import Any

import keras
import numpy as np


def fingerprint(model: Any) -> dict[str, str]:
    """Hash each layer's variables: its weights, and the state of its random generator.

    Returns sha256, hexadecimal, by the name of the layer, in the order of the model; over dtype,
    shape and bytes in C order of each variable. A layer without variables has none.
    """
    return {layer.name: _hash(layer.variables) for layer in model.layers if layer.variables}


def _hash(variables: list[Any]) -> str:
    digest = hashlib.sha256()
    for variable in variables:
        value = np.asarray(keras.ops.convert_to_numpy(variable), order="C")
        digest.update(f"{value.dtype.str} {value.shape}\n".encode())
        digest.update(value.data)
    return digest.hexdigest()
