"""The gates that a model has to pass before it is served.

It must not know of files, nor of what follows from a refusal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.release.parameters import Parameters

SERVED = "calibrated"

Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition and how it came out; `value` is that of the model that is served."""

    name: str
    metric: str
    model: str
    value: float
    threshold: float
    passed: bool

    def __str__(self) -> str:
        word = "passed" if self.passed else "failed"
        return f"{self.name}: {word} with {self.value:.4f}, threshold {self.threshold:.4f}"


def judge(scores: Scores, parameters: Parameters) -> list[Gate]:
    """Try every gate.

    Args:
        scores: `[model][metric]` over all classes, models as in `evaluation_result.json`.
        parameters: name the least values and the margins.
    """
    return [*_minimum(scores, parameters), *_better(scores, parameters)]


def _minimum(scores: Scores, parameters: Parameters) -> Iterator[Gate]:
    for metric, threshold in sorted(parameters.minimum.items()):
        value = scores[SERVED][metric]
        yield Gate("minimum " + metric, metric, SERVED, value, threshold, value >= threshold)


def _better(scores: Scores, parameters: Parameters) -> Iterator[Gate]:
    wanted = parameters.better_than
    for other, margin in (("baseline", wanted.baseline), ("mean_mask", wanted.mean_mask)):
        value, threshold = scores[SERVED][wanted.metric], scores[other][wanted.metric] + margin
        passed = value > threshold  # equal is not better
        yield Gate("better than " + other, wanted.metric, SERVED, value, threshold, passed)
