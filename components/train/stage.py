"""Train a U-Net on the training split and keep the weights that were best on validation."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.segmentation import checkpoint, dataset, scratch, weights
from components.segmentation.batches import refuse_larger
from components.segmentation.checkpoint import Checkpoint, Epoch, Keeper
from components.segmentation.recipe import Recipe
from components.train.choice import Choice, choose
from components.train.parameters import Parameters
from ibid.stage import canonical, determinism
from ibid.stage.contract import ExitCode, Inputs, Params
from ibid.stage.state import owner

if TYPE_CHECKING:
    from components.segmentation.training import Trainer


def run(inputs: Inputs, output: Path, params: Params, state: Path | None = None) -> ExitCode | None:
    """Write `model.keras`, `history.csv`, `weights.csv`, `mean_mask.npz` and `tensorboard/`.

    The folder `state` keeps a checkpoint, to go on from with the same bytes in the end. What can be
    refused is refused before the framework is imported.
    """
    parameters = Parameters.of(params)
    choice = choose(parameters, inputs.get("tune"))
    pretrained = weights.find(inputs["weights"], choice.backbone)
    training = dataset.load(inputs["transform"] / "training")
    validation = dataset.load(inputs["transform"] / "validation")
    refuse_larger(choice.batch_size, training)

    with scratch.homes():  # keras writes there when imported
        determinism.framework(params)
    from components.segmentation import saving, tensorboard_log, unet
    from components.segmentation.training import Trainer

    model = unet.build(
        choice.backbone,
        training.size,
        seed=parameters.seed,
        dropout=parameters.dropout,
        bn_momentum=parameters.bn_momentum,
        weights=pretrained,
    )
    recipe = Recipe(
        seed=parameters.seed,
        batch_size=choice.batch_size,
        learning_rate=choice.learning_rate,
        augment=parameters.augment,
        plateau_patience=parameters.plateau_patience,
        plateau_factor=parameters.plateau_factor,
        early_stopping_patience=parameters.early_stopping_patience,
        mixup_alpha=parameters.mixup_alpha,
        label_smoothing=parameters.label_smoothing,
    )
    trainer = Trainer(model)
    last, keeper = trainer.start(model, recipe), None
    if state:
        keeper = Keeper(state / "checkpoint", _owner(params, choice, last, training, validation))
        last = keeper.read() or last
    last = learn(trainer, recipe, last, parameters.epochs, training, validation, keeper)
    saving.save(model, output / "model.keras")
    tensorboard_log.write(output / "tensorboard", last.history)
    write_history(output / "history.csv", last.history, choice)
    write_weights(output / "weights.csv", last.fingerprints)
    canonical.write_npz(output / "mean_mask.npz", {"mean": dataset.mean_mask(training)})
    return None


def learn(
    trainer: "Trainer",
    recipe: Recipe,
    last: Checkpoint,
    epochs: int,
    training: dataset.Split,
    validation: dataset.Split,
    keeper: Keeper | None = None,
) -> Checkpoint:
    """Train on, print a line an epoch, leave the best weights in the trainer's model.

    Katib collects metrics from such lines (`name=value`). The throughput is printed only: a file
    that held it would differ from run to run.
    """
    if last.steps:
        print(f"Going on from a checkpoint, after {last.steps} steps", flush=True)
    before, begun = last.steps, time.perf_counter()
    keep = {"keep": keeper.offer} if keeper else {}
    for now in trainer.epochs(recipe, last, epochs, training, validation, **keep):
        print(line(now.state.epoch, now.history[-1]), flush=True)
        last = now
    trainer.model.set_weights(last.best)
    rate = (last.steps - before) * recipe.batch_size / (time.perf_counter() - begun)
    pace = f"{rate:.1f} images/s, compiling and validation included"
    print(f"Best epoch {last.state.best_epoch} of {last.state.epoch}; {pace}", flush=True)
    return last


def _owner(
    params: Params,
    choice: Choice,
    begin: Checkpoint,
    training: dataset.Split,
    validation: dataset.Split,
) -> str:
    """Say whose a checkpoint is: of all that what it leads to depends on, but for the code."""
    return owner(
        params=params,
        choice=asdict(choice),
        determinism=asdict(determinism.resolve(params)),
        begin=begin.fingerprints[0],
        libraries=checkpoint.libraries(),
        splits=[checkpoint.digest(split) for split in (training, validation)],
    )


def line(epoch: int, row: Epoch) -> str:
    """Say how an epoch went, as Katib's collector of standard output reads it."""
    return " ".join([f"Epoch[{epoch}]", *(f"{name}={value:.6g}" for name, value in row.items())])


def write_history(path: Path, rows: Sequence[Epoch], choice: Choice) -> None:
    """Write a row an epoch, and in each where its values came from."""
    constant = {
        "backbone": choice.backbone,
        "batch_size": choice.batch_size,
        "initial_learning_rate": choice.learning_rate,
        "tuned": " ".join(choice.tuned),
    }
    header = ["epoch", *rows[0], *constant]
    body = ([i, *row.values(), *constant.values()] for i, row in enumerate(rows, start=1))
    canonical.write_csv(path, header, body)


def write_weights(path: Path, fingerprints: Sequence[Mapping[str, str]]) -> None:
    """Write a row for each layer before the first epoch, 0, and after each: what it had become.

    Where two trainings differ, their first rows that differ name the epoch and the layer.
    """
    rows = ([epoch, *pair] for epoch, layers in enumerate(fingerprints) for pair in layers.items())
    canonical.write_csv(path, ("epoch", "layer", "sha256"), rows)
