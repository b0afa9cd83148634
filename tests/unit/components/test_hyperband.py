import pytest

from components.tune import hyperband
from components.tune.hyperband import Rung
from ibid.stage.contract import BadInputError


def test_the_schedule_is_the_one_of_the_paper():
    assert hyperband.schedule(81, 3, 5) == [
        (Rung(81, 1), Rung(27, 3), Rung(9, 9), Rung(3, 27), Rung(1, 81)),
        (Rung(34, 3), Rung(11, 9), Rung(3, 27), Rung(1, 81)),
        (Rung(15, 9), Rung(5, 27), Rung(1, 81)),
        (Rung(8, 27), Rung(2, 81)),
        (Rung(5, 81),),
    ]


def test_the_budget_counts_what_a_promoted_trial_has_left():
    plan = hyperband.schedule(9, 3, 2)
    assert plan == [(Rung(9, 1), Rung(3, 3), Rung(1, 9)), (Rung(5, 3), Rung(1, 9))]
    assert hyperband.trials(plan) == 14
    assert hyperband.epochs(plan) == 9 + 3 * 2 + 6 + 5 * 3 + 6


def test_the_smallest_schedule_is_one_trial_of_one_epoch():
    assert hyperband.schedule(1, 2, 1) == [(Rung(1, 1),)]


def test_more_brackets_than_the_epochs_give_are_refused():
    with pytest.raises(BadInputError, match="at most 3 brackets of 9 epochs with eta 3"):
        hyperband.schedule(9, 3, 4)


def test_the_best_are_promoted_and_ties_go_to_the_lower_number():
    assert hyperband.promote([(4, 0.5), (1, 0.7), (3, 0.5), (2, 0.1)], 2) == [1, 3]


def test_the_search_trains_each_rung_in_order_and_the_best_for_longer():
    asked = []

    def train(trials, epochs):
        asked.extend((trial, epochs) for trial in trials)
        return [-abs(trial - 2) + epochs / 100 for trial in trials]

    results = list(hyperband.search(hyperband.schedule(4, 2, 2), train))
    assert asked == [
        *[(trial, 1) for trial in range(4)],
        (1, 2),
        (2, 2),
        (2, 4),
        *[(trial, 2) for trial in range(4, 7)],
        (4, 4),
    ]
    assert [(r.trial, r.epochs) for r in results] == asked
    assert [r.state for r in results if r.trial == 2] == ["promoted", "promoted", "finished"]
    assert [r.state for r in results if r.trial in (0, 5)] == ["stopped", "stopped"]
    assert {(r.trial, r.bracket, r.rung) for r in results if r.trial == 4} == {(4, 1, 0), (4, 1, 1)}
