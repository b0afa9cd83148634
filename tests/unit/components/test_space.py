import math

import tiny_pets

from components.tune.parameters import Parameters
from components.tune.space import draw

OWN = {
    "augment": True,
    "mixup_alpha": 0.0,
    "label_smoothing": 0.0,
    "dropout": 0.1,
    "bn_momentum": 0.9,
    "backbone": None,
    "backbones": ["plain", "vgg19"],
}


def parameters(**changes):
    return Parameters.of(tiny_pets.defaults("tune") | OWN | changes)


def test_a_trial_is_a_function_of_seed_and_number():
    first = draw(parameters(), 3)
    draw(parameters(), 2)
    assert draw(parameters(), 3) == first
    assert draw(parameters(), 4) != first
    assert draw(parameters(seed=8), 3) != first


def test_points_are_drawn_from_the_whole_space():
    space = parameters()
    points = [draw(space, trial) for trial in range(300)]
    assert {point.batch_size for point in points} == set(space.batch_sizes)
    assert {point.backbone for point in points} == {"plain", "vgg19"}
    assert len({point.seed for point in points}) == 300
    rates = sorted(point.learning_rate for point in points)
    low, high = space.learning_rate.min, space.learning_rate.max
    assert low <= rates[0] < 1.2 * low
    assert high / 1.2 < rates[-1] <= high
    assert 0.8 < rates[150] / math.sqrt(low * high) < 1.25


def test_a_learning_rate_has_three_digits():
    for trial in range(20):
        rate = draw(parameters(), trial).learning_rate
        assert rate == float(f"{rate:.3g}")
