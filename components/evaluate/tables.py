"""Tables of the report, in Markdown: readable in the notebook and in the page made from it."""

from collections.abc import Mapping

from components.evaluate.results import GROUPS, MODELS, Scores
from components.segmentation import markdown
from components.segmentation.metrics import METRICS

TITLES = {
    "mean_mask": "constant mean mask",
    "baseline": "baseline (`train`)",
    "model": "model",
    "calibrated": "calibrated model",
    "iou": "IoU",
    "f1": "F1",
    "mean_iou": "mean IoU",
}


def models(scores: Scores, group: str) -> str:
    """Compare the models in one group of pixels; the best number of a column is bold."""
    rows = [
        (title(model), *(_number(scores, model, group, metric) for metric in METRICS))
        for model in MODELS
    ]
    return markdown.table(("", *(title(metric) for metric in METRICS)), rows)


def calibration(classes: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Show what `calibration.json` says of each class: errors before and after."""
    rows = [
        (
            group,
            *(
                f"{classes[group][when][name]:.4f}"
                for name in ("ece", "brier")
                for when in ("before", "after")
            ),
        )
        for group in GROUPS
    ]
    return markdown.table(("", "ECE before", "ECE after", "Brier before", "Brier after"), rows)


def title(name: str) -> str:
    """Say what a model or a metric is called in a heading."""
    return TITLES.get(name, name)


def _number(scores: Scores, model: str, group: str, metric: str) -> str:
    column = [scores[other][group][metric] for other in MODELS]
    best = min(column) if metric == "loss" else max(column)
    value = scores[model][group][metric]
    return f"**{value:.3f}**" if value == best else f"{value:.3f}"
