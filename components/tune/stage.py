"""Search for the learning rate, batch size and backbone by synchronous hyperband."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.segmentation import dataset, scratch, weights
from components.segmentation.batches import refuse_larger
from components.tune import hyperband
from components.tune.hyperband import Bracket, Result
from components.tune.parameters import Parameters
from components.tune.space import draw
from ibid.stage import canonical, determinism
from ibid.stage.contract import BadInputError, ExitCode, Inputs, Params

if TYPE_CHECKING:
    from components.tune.trials import Trials

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


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode | None:
    """Write `trials.csv`, a row for each trial at each rung, and the winner, `optimal_hp.json`.

    `val_mean_iou` is the best of the trial so far, `val_loss` that of its last epoch.
    """
    parameters = Parameters.of(params)
    plan = hyperband.schedule(parameters.max_epochs, parameters.eta, parameters.brackets)
    pretrained = {name: weights.find(inputs["weights"], name) for name in parameters.encoders}
    training = dataset.load(inputs["transform"] / "training")
    validation = dataset.load(inputs["transform"] / "validation")
    refuse_larger(max(parameters.batch_sizes), training)
    print(budget(plan, parameters, len(training)), flush=True)

    with scratch.homes():  # keras writes there when imported
        determinism.framework(params)
    from components.tune.trials import Trials

    trials = Trials(parameters, pretrained, training, validation)

    def train(trial: int, epochs: int) -> float:
        score = trials.train(trial, epochs)
        print(f"Trial[{trial}] epochs={epochs} val_mean_iou={score:.6g}", flush=True)
        return score

    rows, results = [], []
    for result in hyperband.search(plan, train):
        results.append(result)
        rows.append(_row(parameters, trials, result))
        if result.state != "promoted":
            trials.forget(result.trial)
    canonical.write_csv(output / "trials.csv", HEADER, rows)
    canonical.write_json(output / "optimal_hp.json", optimum(parameters, results))
    return None


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


def _row(parameters: Parameters, trials: "Trials", result: Result) -> list[Any]:
    point = draw(parameters, result.trial)
    return [
        result.trial,
        result.bracket,
        result.rung,
        result.epochs,
        point.learning_rate,
        point.batch_size,
        point.backbone,
        result.score,
        trials.last.get(result.trial, {}).get("val_loss"),
        result.state,
    ]
