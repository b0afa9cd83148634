import json

import pytest
import tiny_pets

from components.train.choice import Choice, choose
from components.train.parameters import Parameters
from ibid.stage.contract import BadInputError

OPTIMUM = {"backbone": "plain", "batch_size": 4, "learning_rate": 0.01, "score": 0.5}


def parameters(pipeline, **changes):
    return Parameters.of(tiny_pets.defaults(pipeline) | changes)


@pytest.fixture
def tune(tmp_path):
    (tmp_path / "optimal_hp.json").write_text(json.dumps(OPTIMUM))
    return tmp_path


def test_what_is_null_is_the_tuned_value(tune):
    choice = choose(parameters("model"), tune)
    assert choice == Choice("plain", 4, 0.01, ("backbone", "batch_size", "learning_rate"))


def test_what_the_user_sets_beats_the_tuned_value(tune):
    choice = choose(parameters("model", backbone="vgg19", batch_size=2), tune)
    assert choice == Choice("vgg19", 2, 0.01, ("learning_rate",))


def test_a_pipeline_without_tune_needs_every_value():
    assert choose(parameters("train"), None).tuned == ()
    with pytest.raises(BadInputError, match="no input `tune`") as refused:
        choose(parameters("train", learning_rate=None), None)
    assert refused.value.received == "learning_rate=null"


@pytest.mark.parametrize("text", ["{}", "no json", '{"backbone": "resnet"}'])
def test_an_optimum_that_cannot_be_read_is_refused(tune, text):
    (tune / "optimal_hp.json").write_text(text)
    with pytest.raises(BadInputError, match=r"optimal_hp\.json"):
        choose(parameters("model"), tune)
