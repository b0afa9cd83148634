import json
import zipfile

import numpy as np
import pytest


@pytest.fixture(scope="module")
def model():
    from components.segmentation import unet

    return unet.build("plain", 32, seed=3, dropout=0.1, bn_momentum=0.9)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    from components.segmentation import saving

    path = tmp_path_factory.mktemp("saved") / "model.keras"
    saving.save(model, path)
    return path


def test_a_model_built_and_saved_again_has_the_same_bytes(path, tmp_path):
    from components.segmentation import saving, unet

    again = unet.build("plain", 32, seed=3, dropout=0.1, bn_momentum=0.9)
    saving.save(again, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == path.read_bytes()


def test_a_saved_model_says_nothing_of_when_and_where(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert list(json.loads(archive.read("metadata.json"))) == ["keras_version"]
        assert b"shared_object_id" not in archive.read("config.json")


def test_a_saved_model_loads_and_predicts_the_same(model, path):
    from components.segmentation.inference import infer, load_model

    photos = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    loaded = load_model(path)
    assert not loaded.compiled
    assert (infer(loaded, photos) == infer(model, photos)).all()
