import hashlib
import json

import numpy as np
import pytest

from components.segmentation import weights
from components.segmentation.backbones import SKIPS
from ibid.stage.contract import BadInputError

# Keras 3.15 asks TensorFlow 2.19 for arrays in a way that NumPy 2 deprecates.

RANDOM = np.random.default_rng(0)
PHOTOS = RANDOM.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
MASKS = np.eye(3, dtype=np.uint8)[RANDOM.integers(0, 3, (2, 32, 32))]


def build(backbone, size=32, seed=1, **options):
    from components.segmentation import unet

    return unet.build(backbone, size, seed=seed, dropout=0.1, bn_momentum=0.9, **options)


def train_a_step(model):
    import keras

    from components.segmentation.losses import bce_jaccard

    model.compile(keras.optimizers.Adam(1e-3), bce_jaccard, run_eagerly=True)
    return float(model.train_on_batch(PHOTOS, MASKS))


def norms(model):
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def publish(folder, backbone, application, **changes):
    """Put weights of keras.applications in a folder, as the input `weights` has them."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{backbone}.weights.h5"
    application.save_weights(file)
    entry = {
        "backbone": backbone,
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "source": "https://example.org",
        "licence": "Apache-2.0",
    }
    listing = {"version": 1, "weights": [entry | changes]}
    (folder / "weights.json").write_text(json.dumps(listing))
    return folder


@pytest.mark.parametrize("backbone", ["plain", "mobilenetv2", "vgg19"])
def test_each_backbone_trains_a_step(backbone):
    model = build(backbone)
    names = [layer.name for layer in model.layers]
    assert set(SKIPS.get(backbone, ())) <= set(names)
    assert {norm.momentum for norm in norms(model)} == {0.9}
    before = model.get_weights()
    assert np.isfinite(train_a_step(model))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    said = np.asarray(model(PHOTOS))
    assert (said.shape, said.dtype) == ((2, 32, 32, 3), np.float32)
    assert ((said >= 0) & (said <= 1)).all()


def test_the_plain_network_has_half_a_million_weights():
    assert 450_000 < build("plain", 128).count_params() < 650_000


def test_names_do_not_depend_on_what_was_built_before():
    first, second = build("plain"), build("plain")
    assert [a.name for a in first.layers] == [b.name for b in second.layers]


def test_weights_are_a_function_of_the_seed():
    first, same, other = (build("plain", seed=seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_a_size_that_cannot_be_halved_five_times_is_refused():
    with pytest.raises(BadInputError, match="32 divides"):
        build("plain", 48)


def test_pretrained_weights_are_loaded_and_frozen(tmp_path):
    import keras

    keras.utils.set_random_seed(9)
    application = keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None)
    found = weights.find(publish(tmp_path, "mobilenetv2", application), "mobilenetv2")
    model = build("mobilenetv2", weights=found)
    frozen = model.get_layer("block_6_expand"), model.get_layer("bn_Conv1")
    assert not any(layer.trainable for layer in frozen)
    assert {norm.momentum for norm in norms(model) if not norm.trainable} == {0.999}
    train_a_step(model)
    for layer in frozen:
        loaded = application.get_layer(layer.name).get_weights()
        assert all((a == b).all() for a, b in zip(loaded, layer.get_weights(), strict=True))


def test_pretrained_vgg_sees_photos_as_it_learnt_them(tmp_path):
    import keras

    application = keras.applications.VGG19(input_shape=(32, 32, 3), include_top=False, weights=None)
    model = build("vgg19", weights=weights.find(publish(tmp_path, "vgg19", application), "vgg19"))
    layer = "block1_pool"
    ours = keras.Model(model.input, model.get_layer(layer).output)(PHOTOS)
    caffe = keras.applications.vgg19.preprocess_input(PHOTOS.astype(np.float32))
    theirs = keras.Model(application.input, application.get_layer(layer).output)(caffe)
    assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-3)


def test_a_backbone_that_is_not_listed_has_no_weights(tmp_path):
    (tmp_path / "weights.json").write_text('{"version": 1, "weights": []}')
    assert weights.find(tmp_path, "vgg19") is None


def test_weights_that_are_not_the_cited_ones_are_refused(tmp_path):
    class Application:
        def save_weights(self, file):
            file.write_bytes(b"some")

    folder = publish(tmp_path, "vgg19", Application(), sha256="0" * 64)
    with pytest.raises(BadInputError, match="sha256 0000") as refused:
        weights.find(folder, "vgg19")
    assert refused.value.received == hashlib.sha256(b"some").hexdigest()
    (folder / "vgg19.weights.h5").unlink()
    with pytest.raises(BadInputError) as refused:
        weights.find(folder, "vgg19")
    assert refused.value.received == "no such file"


LISTED = {
    "a backbone that is none": (
        [{"backbone": "resnet"}],
        "weights.0.backbone: Input should be 'mobilenetv2' or 'vgg19', received 'resnet'",
    ),
    "a backbone without weights": (
        [{"backbone": "plain"}],
        "weights.0.backbone: Input should be 'mobilenetv2' or 'vgg19', received 'plain'",
    ),
    "a file elsewhere": (
        [{"file": "../secret.h5"}],
        "weights.0.file: String should match pattern '^[^/]+\\.h5$', received '../secret.h5'",
    ),
    "a sha256 that is none": (
        [{"sha256": "12ab"}],
        "weights.0.sha256: String should match pattern '^[0-9a-f]{64}$', received '12ab'",
    ),
    "two files of one backbone": (
        [{}, {"file": "b.h5"}],
        "weights: Value error, expected one file a backbone, vgg19 has more",
    ),
    "an unknown key": (
        [{"url": "x"}],
        "weights.0.url: Extra inputs are not permitted, received 'x'",
    ),
}


@pytest.mark.parametrize("case", LISTED)
def test_a_listing_that_cannot_be_used_is_refused(tmp_path, case):
    changes, line = LISTED[case]
    entry = {"backbone": "vgg19", "file": "a.h5", "sha256": "0" * 64, "source": "", "licence": ""}
    listing = {"version": 1, "weights": [entry | change for change in changes]}
    (tmp_path / "weights.json").write_text(json.dumps(listing))
    with pytest.raises(BadInputError, match=r"weights\.json") as refused:
        weights.find(tmp_path, "vgg19")
    assert refused.value.received == line


def test_a_listing_that_is_missing_is_refused_with_what_an_empty_one_is(tmp_path):
    with pytest.raises(BadInputError, match="lists pretrained weights or none") as refused:
        weights.find(tmp_path, "vgg19")
    assert "No such file" in str(refused.value)
    assert '{"version": 1, "weights": []} lists none' in refused.value.hint


@pytest.fixture(scope="module")
def mobilenet():
    import keras

    return keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None)


def narrow(file, _):
    import keras

    shape = (32, 32, 3)
    half = keras.applications.MobileNetV2(shape, include_top=False, weights=None, alpha=0.5)
    half.save_weights(file)
    return "260 arrays, 706,224 numbers"


def older(file, _):
    import keras

    keras.applications.MobileNet((32, 32, 3), include_top=False, weights=None).save_weights(file)
    return "135 arrays, 3,228,864 numbers"


def dense(file, _):
    import keras

    photo = keras.Input((4,))
    keras.Model(photo, keras.layers.Dense(2)(photo)).save_weights(file)
    return "2 arrays, 10 numbers"


def older_in_keras_old_format(file, _):
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    other = keras.applications.MobileNet((32, 32, 3), include_top=False, weights=None)
    with h5py.File(file, "w") as opened:
        legacy_h5_format.save_weights_to_hdf5_group(opened, other)
    return "135 arrays, 3,228,864 numbers"


def truncated(file, application):
    application.save_weights(file)
    file.write_bytes(file.read_bytes()[:5000])
    return "truncated file"


def page(file, _):
    file.write_text("<html>Not found</html>")
    return "file signature not found"


def nothing(file, _):
    file.write_bytes(b"")
    return "file signature not found"


@pytest.mark.parametrize(
    "write", [narrow, older, older_in_keras_old_format, dense, truncated, page, nothing]
)
def test_weights_of_something_else_are_refused_with_what_the_file_holds(tmp_path, mobilenet, write):
    file = tmp_path / ("old.h5" if "old_format" in write.__name__ else "other.weights.h5")
    received = write(file, mobilenet)
    with pytest.raises(BadInputError) as refused:
        weights.load(mobilenet, "mobilenetv2", file)
    told = str(refused.value)
    assert f"mobilenetv2 in {file.name}: 260 arrays, 2,257,984 numbers." in told
    assert received in told.partition("Received: ")[2]
    assert "hint: docs/guides/weights.md" in told


def test_weights_in_the_format_of_keras_own_downloads_are_loaded(tmp_path, mobilenet):
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    keras.utils.set_random_seed(3)
    other = keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None)
    file = tmp_path / "mobilenet_v2_no_top.h5"
    with h5py.File(file, "w") as opened:
        legacy_h5_format.save_weights_to_hdf5_group(opened, other)
    weights.load(mobilenet, "mobilenetv2", file)
    pairs = zip(other.get_weights(), mobilenet.get_weights(), strict=True)
    assert all((a == b).all() for a, b in pairs)
