import hashlib

import numpy as np
import pytest


@pytest.fixture(scope="module")
def build():
    from components.segmentation import unet

    return lambda seed: unet.build("plain", 32, seed=seed, dropout=0.2, bn_momentum=0.9)


def test_the_same_network_has_the_same_fingerprint(build):
    from components.segmentation.fingerprint import fingerprint

    assert fingerprint(build(1)) == fingerprint(build(1))


def test_a_weight_that_differs_in_one_bit_shows_in_its_layer_alone(build):
    from components.segmentation.fingerprint import fingerprint

    model = build(1)
    before = fingerprint(model)
    layer = model.get_layer("decoder2_convolution")
    kernel = layer.get_weights()[0]
    kernel.view(np.uint32).flat[-1] ^= 1
    layer.set_weights([kernel])
    after = fingerprint(model)
    assert [name for name in before if before[name] != after[name]] == ["decoder2_convolution"]


def test_the_random_generator_of_a_layer_is_part_of_it(build):
    from components.segmentation.fingerprint import fingerprint

    model = build(1)
    before = fingerprint(model)["dropout"]
    model.get_layer("dropout")(np.ones((1, 4), np.float32), training=True)
    assert fingerprint(model)["dropout"] != before


def test_what_is_hashed_is_dtype_shape_and_bytes(build):
    from components.segmentation.fingerprint import fingerprint

    model = build(3)
    kernel, bias = model.get_layer("probabilities").get_weights()
    said = b"<f4 (1, 1, 16, 3)\n" + kernel.tobytes() + b"<f4 (3,)\n" + bias.tobytes()
    assert fingerprint(model)["probabilities"] == hashlib.sha256(said).hexdigest()
