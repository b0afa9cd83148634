from components.segmentation.recipe import Recipe, State

RECIPE = Recipe(
    seed=1,
    batch_size=4,
    learning_rate=0.1,
    augment=False,
    plateau_patience=2,
    plateau_factor=0.5,
    early_stopping_patience=5,
)


def after(*scores):
    state = State(RECIPE.learning_rate)
    for score in scores:
        state = state.after(score, RECIPE)
    return state


def test_the_best_epoch_is_remembered():
    state = after(0.1, 0.4, 0.3)
    assert (state.epoch, state.best_epoch, state.best_score) == (3, 2, 0.4)


def test_an_equal_score_is_no_better():
    assert after(0.4, 0.4).best_epoch == 1


def test_learning_slows_down_after_each_stretch_without_a_better_score():
    assert after(0.4, 0.3).learning_rate == 0.1
    assert after(0.4, 0.3, 0.3).learning_rate == 0.05
    assert after(0.4, 0.3, 0.3, 0.3).learning_rate == 0.05
    assert after(0.4, 0.3, 0.3, 0.3, 0.3).learning_rate == 0.025


def test_a_better_score_starts_the_count_anew():
    assert after(0.4, 0.3, 0.5, 0.3).learning_rate == 0.1


def test_training_stops_when_the_best_is_too_long_ago():
    assert not after(0.4, 0.3, 0.3, 0.3, 0.3).stopped(RECIPE)
    assert after(0.4, 0.3, 0.3, 0.3, 0.3, 0.3).stopped(RECIPE)
