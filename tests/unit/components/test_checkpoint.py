import math
from dataclasses import replace

import numpy as np
import pytest

from components.segmentation.checkpoint import Checkpoint, Keeper, digest, from_bytes, to_bytes
from components.segmentation.dataset import Split
from components.segmentation.recipe import State
from components.train import stage as train
from components.train.choice import Choice
from components.tune import stage as tune

CHECKPOINT = Checkpoint(
    state=State(0.1 + 0.2, epoch=2, best_score=1 / 3, best_epoch=1, slowed_epoch=2),
    variables=[
        np.array([[1e-45, -0.0], [np.inf, 1 / 3]], np.float32),
        np.array(7, np.int64),
        np.array([42, 9], np.uint32),
    ],
    best=[np.ones(11, np.float32)] * 11,
    history=({"loss": 0.1, "val_loss": math.nan}, {"loss": 1e-320, "val_loss": 2.5}),
    fingerprints=({"a": "0f"}, {"a": "1f"}),
    losses=(0.5, math.inf),
    steps=9,
)


def split(pixels):
    photos = np.full((2, 4, 4, 3), pixels, np.uint8)
    return Split(("a", "b"), photos, photos % 2, ({}, {}))


def test_a_checkpoint_comes_back_bit_for_bit():
    back = from_bytes(to_bytes(CHECKPOINT))
    for one, other in ((back.variables, CHECKPOINT.variables), (back.best, CHECKPOINT.best)):
        assert [(a.dtype, a.shape, a.tobytes()) for a in one] == [
            (a.dtype, a.shape, a.tobytes()) for a in other
        ]
    bare = {"variables": [], "best": []}
    assert repr(replace(back, **bare)) == repr(replace(CHECKPOINT, **bare))


def test_it_is_kept_in_a_file_for_its_owner_alone(tmp_path):
    keeper = Keeper(tmp_path / "checkpoint", "mine")
    assert keeper.read() is None
    keeper.write(CHECKPOINT)
    assert keeper.read().steps == 9
    assert Keeper(tmp_path / "checkpoint", "another").read() is None


def owners():
    params, splits = {"seed": 1}, (split(1), split(3))
    choice = Choice("plain", 4, 0.002, ())
    return train._owner(params, choice, CHECKPOINT, *splits), tune._owner(params, {}, *splits)


@pytest.mark.parametrize(("name", "backend"), [("jax", "jax"), ("keras", "tensorflow")])
def test_one_of_another_backend_or_version_has_another_owner(tmp_path, monkeypatch, name, backend):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    before = owners()
    assert before == owners()
    told = tmp_path / f"{name}-0.1.dist-info/METADATA"
    told.parent.mkdir()
    told.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert all(now != then for now, then in zip(owners(), before, strict=True))


@pytest.mark.parametrize(("share", "written"), [(math.inf, 5), (1e-9, 1)])
def test_it_is_written_as_often_as_its_share_of_the_time_allows(tmp_path, share, written):
    keeper = Keeper(tmp_path / "checkpoint", "mine", share)
    made = []

    def make():
        made.append(1)
        return CHECKPOINT

    for _ in range(5):
        keeper.offer(make)
    assert len(made) == written


def test_a_split_is_known_by_its_ids_and_pixels():
    assert digest(split(1)) == digest(split(1))
    renamed = replace(split(1), ids=("a", "c"))
    assert len({digest(split(1)), digest(split(3)), digest(renamed)}) == 3
