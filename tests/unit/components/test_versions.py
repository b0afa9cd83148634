"""Versions of the parameters: what an older schema wrote is read, and what changed is told."""

import logging

import pytest
import tiny_pets

from components.deploy.parameters import Parameters as Deploy
from components.deploy.parameters import absolute_folder
from components.ingest.parameters import Parameters as Ingest
from components.ingest.parameters import limits
from components.segmentation import parameters
from components.segmentation.fitting import hard_masks
from components.segmentation.versions import migrate
from components.transform.parameters import Parameters as Transform
from components.tune.parameters import Parameters as Tune
from components.tune.parameters import one_at_a_time, one_backbone
from ibid.spec.parameters import compose, load_model
from ibid.stage.contract import BadInputError, UsageError

CONF = tiny_pets.ROOT / "pipelines" / "pets" / "conf"


def rename(values):
    return {"size" if name == "side" else name: value for name, value in values.items()}


def double(values):
    return values | {"size": values["size"] * 2, "unit": None}


def test_steps_are_taken_one_after_another_and_each_change_is_told():
    values, told = migrate({"version": 1, "side": 64}, [rename, double])
    assert values == {"version": 3, "size": 128, "unit": None}
    assert told == [
        "version 1 -> 2: side: 64 -> absent",
        "version 1 -> 2: size: absent -> 64",
        "version 2 -> 3: size: 64 -> 128",
        "version 2 -> 3: unit: absent -> nothing",
    ]


def test_steps_before_the_version_of_a_file_are_not_taken():
    assert migrate({"version": 2, "size": 64}, [rename, double])[0]["size"] == 128


def test_what_is_of_the_newest_version_stays_as_it_is():
    params = {"version": 3, "side": 64}
    assert migrate(params, [rename, double]) == (params, [])


def test_what_is_migrated_is_a_copy():
    params = {"version": 1, "side": 64}
    migrate(params, [rename, double])
    assert params == {"version": 1, "side": 64}


@pytest.mark.parametrize("version", [0, 4, "1", True, None, 1.0])
def test_a_version_that_is_none_is_refused_with_those_there_are(version):
    with pytest.raises(ValueError, match="expected a version from 1 to 3, received"):
        migrate({"version": version}, [rename, double])


def test_tune_1_to_2_tries_the_backbones_as_before():
    assert one_backbone({"backbones": ["plain"]}) == {"backbones": ["plain"], "backbone": None}
    assert one_backbone({"backbone": "vgg19"}) == {"backbone": "vgg19"}


def test_train_1_to_2_and_tune_2_to_3_leave_the_masks_hard():
    assert hard_masks({"epochs": 3}) == {"epochs": 3, "mixup_alpha": 0.0, "label_smoothing": 0.0}
    assert hard_masks({"mixup_alpha": 0.2})["mixup_alpha"] == 0.2


def test_tune_3_to_4_trains_one_trial_at_a_time_as_before():
    assert one_at_a_time({"eta": 3}) == {"eta": 3, "parallel": 1}
    assert one_at_a_time({"parallel": 2}) == {"parallel": 2}


def test_ingest_1_to_2_takes_in_what_it_took_before():
    before = {"version": 1, "jpeg_quality": 95, "max_file_mb": 64}
    now = Ingest.of(before)
    assert (now.min_brightness, now.max_text_mb) == (0, 64)
    assert now == Ingest.of(limits(before) | {"version": 2})


def test_deploy_1_to_2_keeps_an_absolute_folder_and_none():
    for values in ({"folder": "/srv"}, {"folder": None}):
        assert absolute_folder(values) == values


def test_deploy_1_to_2_says_which_value_must_be_given():
    with pytest.raises(ValueError, match=r"received 'here': give deploy\.folder as an absolute"):
        absolute_folder({"folder": "here"})


def test_a_stage_reads_an_old_file_and_its_log_says_what_changed(caplog):
    soft = {"mixup_alpha": 0.0, "label_smoothing": 0.0}
    new = tiny_pets.defaults("tune") | {"augment": True, "dropout": 0.1, "bn_momentum": 0.9} | soft
    new |= {"parallel": 1}
    later = {"backbone", "parallel", *soft}
    old = {name: value for name, value in new.items() if name not in later} | {"version": 1}
    with caplog.at_level(logging.WARNING):
        assert Tune.of(old) == Tune.of(new | {"backbone": None})
    assert [record.message for record in caplog.records] == [
        "components.tune.parameters: version 1 -> 2: backbone: absent -> nothing",
        "components.tune.parameters: version 2 -> 3: label_smoothing: absent -> 0.0",
        "components.tune.parameters: version 2 -> 3: mixup_alpha: absent -> 0.0",
        "components.tune.parameters: version 3 -> 4: parallel: absent -> 1",
    ]


def test_a_stage_refuses_what_it_cannot_migrate():
    with pytest.raises(BadInputError, match=r"give deploy\.folder as an absolute path"):
        Deploy.of({"version": 1, "target": "local", "folder": "here"})


def test_a_stage_refuses_a_file_without_a_version():
    with pytest.raises(BadInputError) as refused:
        Transform.of({"image_size": 64})
    assert refused.value.received == "version: Field required"


def test_a_stage_tells_a_wrong_value_on_a_line():
    with pytest.raises(BadInputError) as refused:
        Transform.of({"version": 1, "image_size": 100, "size": 3})
    assert refused.value.received.splitlines() == [
        "image_size: Input should be a multiple of 32, received 100",
        "size: Extra inputs are not permitted, received 3",
    ]


def test_an_old_conf_is_migrated_as_it_is_composed(caplog):
    model = load_model("components.parameters:Parameters")
    new = compose(CONF, model)
    with caplog.at_level(logging.WARNING):
        assert compose(CONF, model, ["tune.version=1"]) == new
    assert "version 1 -> 2" in caplog.text


def test_a_conf_that_cannot_be_migrated_says_where_and_which_value():
    model = load_model("components.parameters:Parameters")
    with pytest.raises(UsageError) as refused:
        compose(CONF, model, ["deploy.version=1", "deploy.folder=here"])
    assert refused.value.received == (
        "override deploy.folder=here: deploy: version 2 has no relative folder, received 'here': "
        "give deploy.folder as an absolute path, or null"
    )


def test_conf_is_of_the_newest_versions_and_each_file_holds_its_own(caplog):
    with caplog.at_level(logging.WARNING):
        composed = compose(CONF, load_model("components.parameters:Parameters"))
    assert caplog.records == []
    sections = [value for _, value in composed if isinstance(value, parameters.Section)]
    assert len(sections) >= 9
    assert all(section.version == len(section.steps) + 1 for section in sections)
