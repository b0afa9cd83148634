import csv
import io
import json
import os

import pytest
import tiny_pets
import yaml

from components.segmentation import dataset
from components.tune import stage
from components.tune.hyperband import Result
from components.tune.parameters import Parameters
from components.tune.scores import Score, Training
from components.tune.space import draw
from components.tune.trials import DIVERGED
from ibid.stage.contract import BadInputError

TINY = {
    "augment": True,
    "mixup_alpha": 0.2,
    "label_smoothing": 0.1,
    "dropout": 0.1,
    "bn_momentum": 0.9,
    "backbone": None,
    "max_epochs": 2,
    "eta": 2,
    "brackets": 2,
    "batch_sizes": [4],
}
PARAMS = tiny_pets.defaults("tune") | TINY


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    tiny_pets.write_split(folder / "transform" / "training", 8)
    tiny_pets.write_split(folder / "transform" / "validation", 3)
    (folder / "weights").mkdir()
    (folder / "weights" / "weights.json").write_text('{"version": 1, "weights": []}')
    return folder


@pytest.fixture(scope="module")
def done(world, tmp_path_factory):
    output = tmp_path_factory.mktemp("tune") / "out"
    done = tiny_pets.start("tune", world, output, PARAMS)
    assert done.returncode == 0, done.stderr
    return done, tiny_pets.files(output)


@pytest.fixture(scope="module")
def rows(done):
    return list(csv.DictReader(io.StringIO(done[1]["trials.csv"].decode())))


def test_the_budget_comes_first(done):
    lines = done[0].stdout.splitlines()
    assert lines[0] == "Hyperband: 2 brackets, 4 trials, 7 epochs, at most 14 steps"
    assert sorted(line.partition(" val")[0] for line in lines[1:3]) == [
        "Trial[0] epochs=1", "Trial[1] epochs=1"
    ]  # fmt: skip


def test_the_defaults_have_two_brackets_and_nine_trials():
    from components.tune import hyperband

    defaults = Parameters.of(tiny_pets.defaults("tune") | {k: TINY[k] for k in list(TINY)[:6]})
    plan = hyperband.schedule(defaults.max_epochs, defaults.eta, defaults.brackets)
    assert len(plan) >= 2
    assert hyperband.trials(plan) >= 9


def test_every_trial_is_told_at_every_rung(rows):
    told = [(row["trial"], row["bracket"], row["rung"], row["epochs"]) for row in rows]
    assert told[:2] == [("0", "0", "0", "1"), ("1", "0", "0", "1")]
    assert told[2] in {("0", "0", "1", "2"), ("1", "0", "1", "2")}
    assert told[3:] == [("2", "1", "0", "2"), ("3", "1", "0", "2")]
    assert {row["state"] for row in rows[:2]} == {"promoted", "stopped"}
    assert {row["state"] for row in rows[2:]} == {"finished"}


def test_the_winner_is_the_best_row_of_the_table(done, rows):
    found = json.loads(done[1]["optimal_hp.json"])
    best = max(rows, key=lambda row: float(row["val_mean_iou"]))
    assert found["score"] == float(best["val_mean_iou"])
    assert found["trial"] == int(best["trial"])
    assert found["learning_rate"] == float(best["learning_rate"])
    assert (found["batch_size"], found["backbone"]) == (4, "plain")


def test_one_trial_at_a_time_gives_the_same_bytes(world, done, tmp_path):
    alone = tiny_pets.start("tune", world, tmp_path / "out", PARAMS | {"parallel": 1})
    assert alone.returncode == 0, alone.stderr
    assert tiny_pets.files(tmp_path / "out") == done[1]


def test_no_more_trials_run_at_once_than_there_are_cores():
    cores = len(os.sched_getaffinity(0))
    assert stage.at_once(Parameters.of(PARAMS | {"parallel": 1})) == 1
    assert stage.at_once(Parameters.of(PARAMS | {"parallel": cores + 1})) == cores


def test_by_default_a_search_takes_no_more_cores_than_its_pipeline_asks_for():
    text = (tiny_pets.ROOT / "pipelines/pets/pipeline.yaml").read_text()
    (tune,) = [each for each in yaml.safe_load(text)["pipelines"] if each["name"] == "tune"]
    assert tiny_pets.defaults("tune")["parallel"] <= tune["resources"]["cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trials")


@pytest.fixture(scope="module")
def train(world, folder):
    """What trains trials, here."""
    splits = [dataset.load(world / "transform" / name) for name in ("training", "validation")]
    return stage.prepare(PARAMS, {"plain": None}, *splits, folder, "mine")


def test_a_trial_alone_comes_out_as_it_did_among_the_others(train, rows):
    """In another process, with other trials or none before it."""
    assert train(Training(3, 2)) == score(rows[4])


def test_a_trial_goes_on_from_its_checkpoint_and_its_past_scores_are_known(train, rows, folder):
    first, promoted = rows[int(rows[2]["trial"])], rows[2]
    trial = int(promoted["trial"])
    assert train(Training(trial, 1)) == score(first)
    assert (folder / f"trial-{trial}").exists()
    assert train(Training(trial, 2)) == score(promoted)
    assert train(Training(trial, 1)) == score(first)


def score(row):
    return Score(float(row["val_mean_iou"]), float(row["val_loss"]))


def test_among_equal_trials_the_first_wins():
    results = [Result(trial, 0, 0, 1, 0.5, "finished") for trial in (1, 0, 2)]
    assert stage.optimum(Parameters.of(PARAMS), results)["trial"] == 0


@pytest.mark.parametrize(
    "change", [{"brackets": 3}, {"learning_rate": {"min": 1, "max": 0.1}}, {"backbones": []}]
)
def test_a_search_that_cannot_be_run_is_refused(world, tmp_path, change):
    inputs = {entry.name: entry for entry in world.iterdir()}
    with pytest.raises(BadInputError):
        stage.run(inputs, tmp_path, PARAMS | change)


def test_a_batch_that_no_epoch_can_fill_is_refused_before_the_first_trial(world, tmp_path):
    inputs = {entry.name: entry for entry in world.iterdir()}
    with pytest.raises(BadInputError, match="no larger than the training split") as refused:
        stage.run(inputs, tmp_path, PARAMS | {"batch_sizes": [4, 9]})
    assert refused.value.received == "batch_size 9, 8 photos"


def test_when_every_trial_diverged_there_is_no_winner():
    results = [Result(trial, 0, 0, 1, DIVERGED, "finished") for trial in range(3)]
    with pytest.raises(BadInputError, match="does not diverge"):
        stage.optimum(Parameters.of(PARAMS), results)


def test_the_winner_is_told_with_the_epochs_that_it_trained():
    results = [Result(0, 0, rung, epochs, 0.5, "finished") for rung, epochs in enumerate((1, 9))]
    assert stage.optimum(Parameters.of(PARAMS), results)["epochs"] == 9


def test_the_backbone_that_the_user_set_is_the_only_one_tried():
    wanted = Parameters.of(PARAMS | {"backbone": "vgg19"})
    assert {draw(wanted, trial).backbone for trial in range(9)} == {"vgg19"}


@pytest.mark.parametrize("change", [{"batch_sizes": [0]}, {"max_epochs": 1}])
def test_what_cannot_be_searched_is_refused_at_the_edge(change):
    with pytest.raises(BadInputError):
        Parameters.of(PARAMS | change)
