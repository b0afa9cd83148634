"""The parameters of how a model is fitted, which train and tune have in common."""

from pydantic import Field

from components.segmentation.parameters import Seeded
from components.segmentation.versions import Values


def hard_masks(values: Values) -> Values:
    """Take a version that knew no soft masks to one that does: without them, as before."""
    return {"mixup_alpha": 0.0, "label_smoothing": 0.0} | values


def refuse_one_photo(batch_size: int | None, values: Values) -> None:
    """Refuse a batch of one photo where mixup mixes those of a batch; raises ValueError.

    Args:
        batch_size: photos a step; None: not known yet.
        values: the parameters that were validated before, maybe without `mixup_alpha`.
    """
    alpha = values.get("mixup_alpha")
    if alpha and batch_size == 1:
        raise ValueError(f"expected at least 2, as mixup_alpha {alpha} mixes photos of one batch")


class Fitted(Seeded):
    """How each model is fitted."""

    augment: bool = Field(description="Mirror, move, zoom and relight the photos.")
    mixup_alpha: float = Field(
        ge=0, le=32, description="mixup's Beta(alpha, alpha); 0: photos are not mixed."
    )
    label_smoothing: float = Field(
        ge=0, lt=1, description="Certainty spread over the classes; 0: none."
    )
    dropout: float = Field(ge=0, lt=1, description="Share of the deepest features dropped.")
    bn_momentum: float = Field(gt=0, lt=1, description="Of every BatchNorm that learns.")
