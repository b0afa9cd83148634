"""Search for the learning rate, batch size and backbone by synchronous hyperband."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.segmentation import checkpoint, dataset, scratch, weights
from components.segmentation.backbones import Backbone
from components.segmentation.batches import refuse_larger
from components.segmentation.digest import sha256
from components.tune import hyperband
from components.tune.crew import Crew
from components.tune.hyperband import Bracket, Result
from components.tune.parameters import Parameters
from components.tune.scores import Score, Scores, Training
from components.tune.space import draw
from ibid.stage import canonical, determinism
from ibid.stage.contract import BadInputError, ExitCode, Inputs, Params
from ibid.stage.state import owner

HEADER = (
    "trial",
    "bracket",
    "rung",
    "epochs",
    "learning_rate",
    "batch_size",
    "backbone",
    "val_mean_iou",
    "val_loss",
    "state",
)


def run(inputs: Inputs, output: Path, params: Params, state: Path | None = None) -> ExitCode | None:
    """Write `trials.csv`, a row for each trial at each rung, and the winner, `optimal_hp.json`.

    `val_mean_iou` is the best of the trial so far, `val_loss` that of its last epoch. The folder
    `state` keeps scores and checkpoints, to go on from with the same bytes in the end.
    """
    parameters = Parameters.of(params)
    plan = hyperband.schedule(parameters.max_epochs, parameters.eta, parameters.brackets)
    pretrained = {name: weights.find(inputs["weights"], name) for name in parameters.encoders}
    training = dataset.load(inputs["transform"] / "training")
    validation = dataset.load(inputs["transform"] / "validation")
    refuse_larger(max(parameters.batch_sizes), training)
    print(budget(plan, parameters, len(training)), flush=True)

    whose = _owner(params, pretrained, training, validation)
    with TemporaryDirectory() as temporary:
        folder = state or Path(temporary)
        given = (params, pretrained, training, validation, folder, whose)
        with Crew(partial(prepare, *given), at_once(parameters)) as crew:
            table = search(plan, crew, Scores(folder / "scores", whose), folder)
    rows = [_row(parameters, *pair) for pair in table]
    canonical.write_csv(output / "trials.csv", HEADER, rows)
    results = [result for result, _ in table]
    canonical.write_json(output / "optimal_hp.json", optimum(parameters, results))
    return None


def at_once(parameters: Parameters) -> int:
    """Say how many trials to train at once: no more than there are cores."""
    return min(parameters.parallel, len(os.sched_getaffinity(0)))


def prepare(
    params: Params,
    pretrained: Mapping[Backbone, Path | None],
    training: dataset.Split,
    validation: dataset.Split,
    folder: Path,
    owner: str,
) -> Callable[[Training], Score]:
    """Import the framework in a process of trials, and return what trains them.

    The threads are those that the parameters say, however many processes there are.
    """
    determinism.enter(params)
    with scratch.homes():  # keras writes there when imported
        determinism.framework(params)
    from components.tune.trials import Trials

    parameters = Parameters.of(params)
    return Trials(parameters, pretrained, training, validation, folder, owner).train


def search(
    plan: Sequence[Bracket], crew: Crew[Training, Score], scores: Scores, folder: Path
) -> list[tuple[Result, Score]]:
    """Run the schedule; returns the table of trials, in the order of the schedule."""

    def train(trials: Sequence[int], epochs: int) -> list[float]:
        asked = [Training(trial, epochs) for trial in trials]
        for done, score in crew.work([each for each in asked if each not in scores]):
            scores.add(done, score)
            print(f"{done} val_mean_iou={score.val_mean_iou:.6g}", flush=True)
        return [scores[each].val_mean_iou for each in asked]

    table = []
    for result in hyperband.search(plan, train):
        table.append((result, scores[Training(result.trial, result.epochs)]))
        if result.state != "promoted":
            (folder / f"trial-{result.trial}").unlink(missing_ok=True)
    return table


def budget(plan: Sequence[Bracket], parameters: Parameters, photos: int) -> str:
    """Say what the search will cost; the steps are those of the smallest batch."""
    epochs = hyperband.epochs(plan)
    steps = epochs * (photos // min(parameters.batch_sizes))
    return (
        f"Hyperband: {len(plan)} brackets, {hyperband.trials(plan)} trials, {epochs} epochs, "
        f"at most {steps} steps"
    )


def optimum(parameters: Parameters, results: Sequence[Result]) -> dict[str, Any]:
    """Describe the trial with the best score; among equals the one with the lowest number.

    Raises BadInputError if every trial diverged.
    """
    best = max(results, key=lambda result: (result.score, -result.trial, result.epochs))
    if best.score < 0:
        raise BadInputError(
            "Expected a trial that does not diverge.",
            received=f"{len({result.trial for result in results})} that did",
            hint="ibid params tune.learning_rate.max=0.002 --commit",
        )
    point = draw(parameters, best.trial)
    return {
        "version": 1,
        "learning_rate": point.learning_rate,
        "batch_size": point.batch_size,
        "backbone": point.backbone,
        "score": best.score,
        "metric": "val_mean_iou",
        "trial": best.trial,
        "epochs": best.epochs,
    }


def _owner(
    params: Params,
    pretrained: Mapping[Backbone, Path | None],
    training: dataset.Split,
    validation: dataset.Split,
) -> str:
    """Say whose scores and checkpoints are: of what they depend on, but for the code."""
    return owner(
        params={name: value for name, value in params.items() if name != "parallel"},
        determinism=asdict(determinism.resolve(params)),
        pretrained={name: path and sha256(path) for name, path in pretrained.items()},
        libraries=checkpoint.libraries(),
        splits=[checkpoint.digest(split) for split in (training, validation)],
    )


def _row(parameters: Parameters, result: Result, score: Score) -> list[Any]:
    point = draw(parameters, result.trial)
    return [
        result.trial,
        result.bracket,
        result.rung,
        result.epochs,
        point.learning_rate,
        point.batch_size,
        point.backbone,
        score.val_mean_iou,
        score.val_loss,
        result.state,
    ]
