"""The encoders that a U-Net can stand on, by name.

Without a framework, so that parameters can be checked where none is installed.
"""

from typing import Literal

Backbone = Literal["plain", "mobilenetv2", "vgg19"]

SKIPS = {
    "mobilenetv2": (
        "block_1_expand_relu",
        "block_3_expand_relu",
        "block_6_expand_relu",
        "block_13_expand_relu",
        "block_16_project",
    ),
    "vgg19": ("block1_pool", "block2_pool", "block3_pool", "block4_pool", "block5_pool"),
}
