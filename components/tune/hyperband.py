"""Hyperband's schedule: how many trials train for how long, and which of them go on.

Li et al. 2018, "Hyperband: a novel bandit-based approach to hyperparameter optimization", with
epochs as the resource. Synchronous: a rung is told in the order of its trials before anyone is
promoted, so that the result depends neither on how many train at once nor on which ends first. It
trains nothing itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ibid.stage.contract import BadInputError


@dataclass(frozen=True, slots=True)
class Rung:
    """So many trials train until they have seen so many epochs."""

    trials: int
    epochs: int


Bracket = tuple[Rung, ...]
Fate = Literal["promoted", "stopped", "finished"]


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial stood at the end of a rung; `score` is better when larger."""

    trial: int
    bracket: int
    rung: int
    epochs: int
    score: float
    state: Fate


def schedule(max_epochs: int, eta: int, brackets: int) -> list[Bracket]:
    """Plan the brackets (algorithm 1 of the paper), the one with most trials first.

    Raises BadInputError if so few epochs do not give so many brackets.
    """
    depth = next(s for s in range(max_epochs) if eta ** (s + 1) > max_epochs)
    if brackets > depth + 1:
        raise BadInputError(
            f"Expected at most {depth + 1} brackets of {max_epochs} epochs with eta {eta}.",
            received=brackets,
            hint="tune.max_epochs of at least eta ** (brackets - 1)",
        )
    return [_bracket(max_epochs, eta, depth, s) for s in range(depth, depth - brackets, -1)]


def _bracket(max_epochs: int, eta: int, depth: int, s: int) -> Bracket:
    trials = -(-(depth + 1) * eta**s // (s + 1))
    return tuple(Rung(trials // eta**i, max_epochs // eta ** (s - i)) for i in range(s + 1))


def trials(brackets: Sequence[Bracket]) -> int:
    """Count the trials."""
    return sum(rungs[0].trials for rungs in brackets)


def epochs(brackets: Sequence[Bracket]) -> int:
    """Count the epochs, a promoted trial going on from where it stopped."""
    return sum(
        rung.trials * (rung.epochs - before)
        for rungs in brackets
        for rung, before in zip(rungs, [0, *(rung.epochs for rung in rungs)], strict=False)
    )


def promote(scores: Sequence[tuple[int, float]], places: int) -> list[int]:
    """Choose the trials with the best scores; among equals the lower number goes first.

    Args:
        scores: (trial, score) pairs.
        places: how many go on.

    Returns:
        Trial numbers, ascending.
    """
    ranked = sorted(scores, key=lambda pair: (-pair[1], pair[0]))
    return sorted(trial for trial, _ in ranked[:places])


def search(
    brackets: Sequence[Bracket], train: Callable[[Sequence[int], int], Sequence[float]]
) -> Iterator[Result]:
    """Run the schedule, rung by rung.

    Args:
        brackets: from `schedule`.
        train: takes the numbers of a rung's trials and the epochs to have seen in the end; returns
            their scores, in that order.

    Yields:
        The results, rung by rung, in the order of the trials' numbers, which count from 0.
    """
    first = 0
    for number, rungs in enumerate(brackets):
        running = list(range(first, first + rungs[0].trials))
        first += len(running)
        places = [*(rung.trials for rung in rungs[1:]), 0]
        for i, rung in enumerate(rungs):
            scores = [*zip(running, train(running, rung.epochs), strict=True)]
            running = promote(scores, places[i])
            for trial, score in scores:
                state = _state(trial in running, last=i + 1 == len(rungs))
                yield Result(trial, number, i, rung.epochs, score, state)


def _state(promoted: bool, *, last: bool) -> Fate:
    if last:
        return "finished"
    return "promoted" if promoted else "stopped"
