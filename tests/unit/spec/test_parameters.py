"""Parameters: composed by Hydra, checked by a model, cut into files."""

import json
import shutil
from pathlib import Path

import guide
import pytest
from pydantic import BaseModel, ConfigDict, Field

from ibid.spec import parameters
from ibid.stage.contract import UsageError

PETS = Path(__file__).parents[3] / "pipelines" / "pets"


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Count(Section):
    times: int = Field(ge=1)
    name: str
    rate: float = 0.5


class Whole(Section):
    seed: int
    count: Count


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "speed").mkdir()
    files = {
        "config.yaml": "defaults: [count, _self_, speed: slow]\nseed: 1\n",
        "count.yaml": "# @package count\ntimes: 2\nrate: 0.5\nname: ü-${seed}\n",
        "speed/slow.yaml": "# @package _global_\n",
        "speed/fast.yaml": "# @package _global_\ncount: {times: 1}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def refusal(conf, *overrides):
    with pytest.raises(UsageError) as caught:
        parameters.compose(conf, Whole, overrides)
    return str(caught.value)


def test_what_stands_in_the_folder_is_composed_and_resolved(conf):
    assert parameters.compose(conf, Whole) == Whole(seed=1, count=Count(times=2, name="ü-1"))


def test_an_override_beats_a_file_and_what_refers_to_it_follows(conf):
    composed = parameters.compose(conf, Whole, ["seed=7", "count.times=3"])
    assert composed == Whole(seed=7, count=Count(times=3, name="ü-7"))


def test_a_group_is_chosen_by_name(conf):
    assert parameters.compose(conf, Whole, ["speed=fast"]).count.times == 1


def test_composing_twice_gives_the_same(conf):
    assert parameters.compose(conf, Whole) == parameters.compose(conf, Whole)


def test_a_mistyped_name_is_refused_with_what_it_may_mean(conf):
    told = refusal(conf, "count.tims=3")
    assert "count.tims" in told
    assert "hint: did you mean count.times?" in told


def test_an_added_unknown_key_is_refused_with_what_it_may_mean(conf):
    told = refusal(conf, "+count.tims=3")
    assert "override +count.tims=3: count.tims: unknown key; did you mean count.times?" in told


def test_a_mistyped_choice_is_told_with_the_choices(conf):
    told = refusal(conf, "speed=fats")
    assert "fast" in told
    assert "slow" in told


def test_a_wrong_choice_of_a_section_is_not_taken_for_a_mistyped_name(conf):
    assert "did you mean" not in refusal(conf, "count=fast")


def test_a_wrong_type_is_refused_by_name_and_value(conf):
    told = refusal(conf, "count.times=many")
    assert "Received: override count.times=many: count.times: expected an integer" in told
    assert "hint: ibid params --schema" in told


def test_a_value_out_of_range_is_refused(conf):
    assert "count.times: expected greater than or equal to 1, received 0" in refusal(
        conf, "count.times=0"
    )


def test_a_missing_value_is_refused_by_name(conf):
    assert "count.times: expected, but missing" in refusal(conf, "~count.times")


def test_a_value_that_has_to_be_given_is_asked_for_even_if_text_would_do(conf):
    """`???` is Hydra's word for it, and would be a fine string."""
    assert "count.name" in refusal(conf, "count.name=???")


def test_a_number_that_json_cannot_hold_is_refused(conf):
    assert "JSON" in refusal(conf, "count.rate=inf")
    assert "JSON" in refusal(conf, "count.rate=nan")


@pytest.mark.parametrize(
    "override", ["count.times", "count.times=[1,", "seed=1,2", "=3", "speed=3"]
)
def test_an_override_outside_the_grammar_is_refused_and_shown(conf, override):
    told = refusal(conf, override)
    assert "Expected parameters that Hydra can compose" in told
    assert "Received:" in told


def test_a_reference_to_nothing_is_refused(conf):
    assert "sed" in refusal(conf, "count.name=${sed}")


def test_a_file_that_is_no_yaml_is_refused_by_name_and_line(conf):
    (conf / "count.yaml").write_text("times: 2\n\tname: a\n")
    told = refusal(conf)
    assert "count.yaml" in told
    assert "line 2" in told


def test_a_folder_that_is_missing_is_refused(tmp_path):
    assert "nowhere" in refusal(tmp_path / "nowhere")


def test_a_pipeline_s_file_is_canonical_and_its_own(conf):
    composed = parameters.compose(conf, Whole)
    files = parameters.files(composed, ["count", "shout"])
    assert files == {
        "count.json": '{\n  "name": "ü-1",\n  "rate": 0.5,\n  "times": 2\n}\n'.encode()
    }


def test_how_a_value_is_written_is_no_part_of_the_file(conf):
    written = [
        parameters.files(parameters.compose(conf, Whole, [override]), ["count"])
        for override in ("count.rate=0.5", "count.rate=5e-1", "++count.rate='0.5'")
    ]
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("name", ["nowhere.at.all:Model", "ibid.spec.parameters:Model"])
def test_a_model_that_is_not_there_is_refused_by_name(name):
    with pytest.raises(UsageError) as caught:
        parameters.load_model(name)
    assert name in str(caught.value)


@pytest.fixture(scope="module")
def pets():
    return parameters.load_model("components.parameters:Parameters")


def test_the_pets_compose_and_every_component_gets_its_file(pets):
    index = json.loads((PETS / "generated" / "pipeline.json").read_bytes())
    files = parameters.files(parameters.compose(PETS / "conf", pets), index["order"])
    specs = {path.stem: path.read_text() for path in PETS.glob("generated/pachyderm/*.json")}
    asked = {f"{name}.json" for name, text in specs.items() if f'"/{name}.json"' in text}
    assert set(files) == asked
    assert len(asked) == 10


SET = {
    "unknown": (
        ["+model.epoch=3"],
        "override +model.epoch=3: model.epoch: unknown key; did you mean model.epochs?",
    ),
    "mistyped name": (["model.epoch=3"], "Could not override 'model.epoch'."),
    "mistyped choice": (["preset=tinny"], "In 'config': Could not find 'preset/tinny'"),
    "mistyped value": (
        ["model.epochs=many"],
        "override model.epochs=many: model.epochs: expected an integer, received 'many'",
    ),
    "a yes for a number": (
        ["model.epochs=true"],
        "override model.epochs=true: model.epochs: expected an integer, received True",
    ),
    "a yes for a fraction": (
        ["train.dropout=false"],
        "override train.dropout=false: train.dropout: expected a number, received False",
    ),
    "a yes in a list": (
        ["tune.batch_sizes=[true,8]"],
        (
            "override tune.batch_sizes=[true,8]: tune.batch_sizes.0: "
            "expected an integer, received True"
        ),
    ),
    "a yes in a range": (
        ["tune.learning_rate.max=true"],
        (
            "override tune.learning_rate.max=true: tune.learning_rate.max: "
            "expected a number, received True"
        ),
    ),
    "a yes for threads": (
        ["determinism.threads=true"],
        ("override determinism.threads=true: determinism.threads: "
        "expected an integer, received True"),
    ),
    "a yes for the seed": (
        ["seed=true"],
        "override seed=true: seed: expected an integer, received True",
    ),
    "left empty": (
        ["model.epochs="],
        "override model.epochs=: model.epochs: expected an integer, received ''",
    ),
    "missing": (
        ["~model.epochs"],
        "override ~model.epochs: model.epochs: expected, but missing",
    ),
    "out of range": (
        ["train.dropout=1"],
        "override train.dropout=1: train.dropout: expected less than 1, received 1",
    ),
    "out of range in a list": (
        ["tune.batch_sizes=[4,0]"],
        (
            "override tune.batch_sizes=[4,0]: tune.batch_sizes.1: "
            "expected greater than or equal to 1, received 0"
        ),
    ),
    "one that six pipelines take, told once": (
        ["seed=-1"],
        "override seed=-1: seed: expected greater than or equal to 0, received -1",
    ),
    "not finite": (
        ["train.learning_rate=inf"],
        (
            "override train.learning_rate=inf: train.learning_rate: "
            "expected a finite number, received inf"
        ),
    ),
    "no such choice": (["train.backbone=vgg"], (
        "override train.backbone=vgg: train.backbone: "
        "expected 'plain', 'mobilenetv2' or 'vgg19', received 'vgg'"
    )),
    "a reference to nothing": (
        ["model.epochs=${model.epoks}"],
        (
            "override model.epochs=${model.epoks}: model.epochs: "
            "Interpolation key 'model.epoks' not found"
        ),
    ),
    "references in a circle": (
        ["train.epochs=${model.epochs}", "model.epochs=${train.epochs}"],
        "override train.epochs=${model.epochs}: train.epochs: Recursive interpolation detected",
    ),
    "a size that the backbones cannot halve": (
        ["transform.image_size=100", "model.backbone=vgg19"],
        (
            "override transform.image_size=100: transform.image_size: expected a multiple of 32, "
            "received 100"
        ),
    ),
    "a baseline with nothing to take": (
        ["train.backbone=null"],
        "override train.backbone=null: train: expected a backbone: null is for `model` only",
    ),
    "more brackets than epochs": (
        ["tune.brackets=5"],
        (
            "override tune.brackets=5: tune.brackets: expected at most as many as max_epochs 9 and "
            "eta 3 allow; these need max_epochs=81, received 5"
        ),
    ),
    "a range upside down": (
        ["tune.learning_rate.max=0.0001"],
        (
            "override tune.learning_rate.max=0.0001: tune.learning_rate.max: "
            "expected at least min, 0.0005, received 0.0001"
        ),
    ),
    "portable on every core": (
        ["determinism=portable", "determinism.threads=null"],
        (
            "override determinism.threads=null: determinism.threads: expected a value, "
            "the same on every machine, for the level portable, received nothing"
        ),
    ),
    "a batch of one photo, and mixup": (
        ["train.batch_size=1", "train.mixup_alpha=0.2"],
        (
            "override train.batch_size=1: train.batch_size: "
            "expected at least 2, as mixup_alpha 0.2 mixes photos of one batch, received 1"
        ),
    ),
    "a batch of one photo among others, and mixup": (
        ["tune.batch_sizes=[1,8]", "tune.mixup_alpha=0.2"],
        (
            "override tune.batch_sizes=[1,8]: tune.batch_sizes: "
            "expected at least 2, as mixup_alpha 0.2 mixes photos of one batch, received a list"
        ),
    ),
    "a version of the future": (
        ["tune.version=9"],
        "override tune.version=9: tune: expected a version from 1 to 4, received 9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SET)
def test_a_wrong_setting_is_told_with_its_override(pets, case):
    overrides, line = SET[case]
    with pytest.raises(UsageError) as caught:
        parameters.compose(PETS / "conf", pets, overrides)
    assert caught.value.received.splitlines()[0] == line
    assert caught.value.hint


FILED = {
    "unknown": (
        ("model.yaml", "epochs: 40", "epochs: 40\nepoch: 3"),
        "model.yaml, line {next}: model.epoch: unknown key; did you mean model.epochs?",
    ),
    "mistyped": (
        ("model.yaml", "epochs: 40", "epochs: forty"),
        "model.yaml, line {line}: model.epochs: expected an integer, received 'forty'",
    ),
    "missing": (
        ("model.yaml", "epochs: 40\n", ""),
        "model.yaml, line 1: model.epochs: expected, but missing",
    ),
    "out of range": (
        ("ingest.yaml", "jpeg_quality: 95", "jpeg_quality: 101"),
        (
            "ingest.yaml, line {line}: ingest.jpeg_quality: expected less than or equal to 95, "
            "received 101"
        ),
    ),
    "one that six pipelines take": (
        ("config.yaml", "seed: 42", "seed: -1"),
        "config.yaml, line {line}: seed: expected greater than or equal to 0, received -1",
    ),
    "contradictory": (
        ("determinism/portable.yaml", "threads: 2", "threads: null"),
        (
            "determinism/portable.yaml, line {line}: determinism.threads: "
            "expected a value, the same on every machine, for the level portable, "
            "received nothing"
        ),
    ),
    "a tab": (
        ("model.yaml", "epochs: 40", "\tepochs: 40"),
        "line {line}: found character '\\t' that cannot start any token",
    ),
    "a key twice": (
        ("model.yaml", "epochs: 40", "epochs: 40\nepochs: 41"),
        "line {next}: epochs: expected once, stands on line {line} already",
    ),
    "anchors that grow": (
        ("model.yaml", "epochs: 40", "".join(
            f"{name}: &{name} [{', '.join([f'*{before}'] * 99)}]\n"
            for before, name in ("ab", "bc", "cd")
        ).replace("*a", "x")),
        "line {last}: more than 100000 nodes, where *aliases count as what they repeat",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILED)
def test_a_wrong_file_is_told_with_its_line(pets, tmp_path, case):
    (name, old, new), told_of = FILED[case]
    conf = shutil.copytree(PETS / "conf", tmp_path / "conf")
    text = (conf / name).read_text()
    assert old in text
    (conf / name).write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        parameters.compose(conf, pets, ["determinism=portable"])
    told = str(caught.value)
    number = text.partition(old)[0].count("\n") + 1
    line = told_of.format(line=number, next=number + 1, last=number + 2)
    assert told.partition("Received: ")[2].splitlines()[0] == line
    assert str(conf) in told


def told_of_files():
    for (name, old, _), told_of in FILED.values():
        number = (PETS / "conf" / name).read_text().partition(old)[0].count("\n") + 1
        yield told_of.format(line=number, next=number + 1, last=number + 2)


def test_each_row_of_the_guide_is_a_case():
    of_files = list(told_of_files())
    told = [line for _, line in SET.values()] + of_files
    for expected in (
        "YAML in conf/model.yaml",
        "YAML of at most 100000 nodes and 50 levels in conf",
    ):
        told += [f"Expected {expected}. Received: {line}" for line in of_files]
    assert guide.untold("setting", told) == []


def test_each_of_several_mistakes_is_told(pets):
    overrides = ["seed=-1", "~model.epochs", "~model.plateau_factor", "model.bn_momentum=2"]
    with pytest.raises(UsageError) as caught:
        parameters.compose(PETS / "conf", pets, overrides)
    lines = caught.value.received.splitlines()
    assert sorted(line.partition(": ")[0] for line in lines) == [
        "override model.bn_momentum=2",
        "override seed=-1",
        "override ~model.epochs",
        "override ~model.plateau_factor",
    ]


def test_each_of_several_missing_values_of_a_file_is_told(pets, tmp_path):
    conf = shutil.copytree(PETS / "conf", tmp_path / "conf")
    (conf / "transform.yaml").write_text("# @package transform\nimage_sise: 64\n")
    with pytest.raises(UsageError) as caught:
        parameters.compose(conf, pets)
    assert caught.value.received.splitlines() == [
        "transform.yaml, line 1: transform.version: expected, but missing",
        "transform.yaml, line 1: transform.image_size: expected, but missing",
        (
            "transform.yaml, line 2: transform.image_sise: unknown key; "
            "did you mean transform.image_size?"
        ),
    ]


def test_a_file_that_is_empty_is_told_by_the_first_that_refers_to_it(pets, tmp_path):
    conf = shutil.copytree(PETS / "conf", tmp_path / "conf")
    (conf / "model.yaml").write_text("")
    text = (conf / "tune.yaml").read_text()
    line = text.partition("backbone: ${model.backbone}")[0].count("\n") + 1
    with pytest.raises(UsageError) as caught:
        parameters.compose(conf, pets)
    assert caught.value.received.splitlines()[0] == (
        f"tune.yaml, line {line}: tune.backbone: Interpolation key 'model.backbone' not found"
    )


def test_a_mistyped_choice_is_told_with_what_it_may_mean(pets):
    with pytest.raises(UsageError, match="hint: did you mean preset=tiny") as caught:
        parameters.compose(PETS / "conf", pets, ["preset=tinny"])
    assert "Config search path" not in str(caught.value)


def test_the_tiny_preset_changes_the_pets(pets):
    tiny = parameters.compose(PETS / "conf", pets, ["preset=tiny"])
    default = parameters.compose(PETS / "conf", pets)
    assert tiny.model.epochs < default.model.epochs
    assert tiny.determinism == default.determinism


@pytest.mark.parametrize("level", ["fast", "strict", "portable"])
def test_each_level_of_determinism_reaches_every_pipeline_that_computes(pets, level):
    composed = parameters.compose(PETS / "conf", pets, [f"determinism={level}"])
    for name in ("train", "tune", "model", "calibrate", "evaluate"):
        assert getattr(composed, name).determinism.level == level
    assert (composed.determinism.threads is not None) == (level == "portable")


def test_the_seed_of_the_pets_reaches_every_pipeline_that_computes(pets):
    composed = parameters.compose(PETS / "conf", pets, ["seed=7"])
    for name in ("train", "tune", "model", "calibrate", "evaluate"):
        assert getattr(composed, name).seed == 7


def test_a_whole_number_is_a_fraction_too(pets):
    composed = parameters.compose(PETS / "conf", pets, ["train.dropout=0", "train.learning_rate=1"])
    assert (composed.train.dropout, composed.train.learning_rate) == (0.0, 1.0)


def test_a_batch_of_one_photo_that_is_not_mixed_is_a_batch(pets):
    composed = parameters.compose(PETS / "conf", pets, ["train.batch_size=1"])
    assert composed.train.batch_size == 1


def test_tune_searches_with_the_soft_masks_that_model_trains_with(pets):
    plain = parameters.compose(PETS / "conf", pets)
    soft = parameters.compose(PETS / "conf", pets, ["model.mixup_alpha=0.2"])
    assert (plain.tune.mixup_alpha, plain.tune.label_smoothing) == (0, 0)
    assert (soft.tune.mixup_alpha, soft.train.mixup_alpha) == (0.2, 0)
