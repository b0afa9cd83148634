"""The network: an encoder that sees ever more of the photo, a decoder that finds the pixels again.

A U-Net (Ronneberger et al. 2015) on one of three encoders. Upsampling is a resize and a
convolution, which leaves no checkerboard, as transposed convolution does (Odena et al. 2016).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from components.segmentation.backbones import SKIPS, Backbone
from components.segmentation.masks import CLASSES
from ibid.stage.contract import BadInputError

PLAIN = (16, 32, 64, 96, 160)
DECODER = (96, 64, 32, 16)
HEAD = 16
# The mean photo that VGG's weights were learnt without, in RGB.
VGG_MEAN = (123.68, 116.779, 103.939)


def build(
    backbone: Backbone,
    size: int,
    *,
    seed: int,
    dropout: float,
    bn_momentum: float,
    weights: Path | None = None,
) -> keras.Model:
    """Build an uncompiled U-Net, every layer named, its weights a function of the seed.

    Args:
        backbone: `plain`, `mobilenetv2` or `vgg19`.
        size: height and width of the photos, a multiple of 32.
        seed: of initialisers and dropout.
        dropout: share of the deepest features that a training step drops.
        bn_momentum: of every BatchNormalization that learns. The 0.999 of keras.applications is
            for long training: after some hundred steps its averages are still those of the start.
        weights: pretrained weights of the backbone, which then is frozen, in inference mode.

    Returns:
        keras.Model from uint8 (n, size, size, 3) to float32 (n, size, size, 3), one probability
        for each of `masks.CLASSES`.

    Raises BadInputError if the size is not such a multiple.
    """
    if size % 32:
        raise BadInputError("Expected photos of a size that 32 divides.", received=size)
    keras.utils.set_random_seed(seed)
    photo = keras.Input((size, size, 3), dtype="uint8", name="photo")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(photo)
    *skips, x = _plain(scaled) if backbone == "plain" else _application(backbone, scaled, weights)
    x = keras.layers.Dropout(dropout, seed=seed, name="dropout")(x)
    for i, (skip, filters) in enumerate(zip(reversed(skips), DECODER, strict=True), start=1):
        x = _block(_join(x, skip, f"decoder{i}"), filters, f"decoder{i}")
    x = _block(_join(x, scaled, "head"), HEAD, "head")
    output = keras.layers.Conv2D(len(CLASSES), 1, activation="sigmoid", name="probabilities")(x)
    model = keras.Model(photo, output, name=f"unet_{backbone}")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            layer.momentum = bn_momentum
    return model


def _plain(x: Any) -> list[Any]:
    skips = []
    for i, filters in enumerate(PLAIN, start=1):
        x = _block(x, filters, f"encoder{i}", strides=2)
        skips.append(x)
    return skips


def _application(backbone: str, scaled: Any, weights: Path | None) -> list[Any]:
    applications: dict[str, Callable[..., Any]] = {
        "mobilenetv2": keras.applications.MobileNetV2,
        "vgg19": keras.applications.VGG19,
    }
    if weights is not None and backbone == "vgg19":
        offset = [127.5 - mean for mean in VGG_MEAN]
        scaled = keras.layers.Rescaling(127.5, offset=offset, name="vgg_scale")(scaled)
    encoder = applications[backbone](input_tensor=scaled, include_top=False, weights=None)
    if weights is not None:
        from components.segmentation import weights as pretrained  # what it needs, no one else does

        pretrained.load(encoder, backbone, weights)
        encoder.trainable = False
    return [encoder.get_layer(name).output for name in SKIPS[backbone]]


def _join(deep: Any, skip: Any, name: str) -> Any:
    wide = keras.layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_resize")(deep)
    return keras.layers.Concatenate(name=f"{name}_join")([wide, skip])


def _block(x: Any, filters: int, name: str, strides: int = 1) -> Any:
    x = keras.layers.Conv2D(
        filters,
        3,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_convolution",
    )(x)
    x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
