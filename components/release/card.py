"""The model card: what a person has to know before using the model (Mitchell et al. 2019)."""

from collections.abc import Mapping, Sequence
from string import Template

from components.release.evaluation import Evaluation
from components.release.gates import Gate
from components.release.parameters import Parameters
from components.segmentation import markdown
from components.segmentation.metrics import METRICS

CARD = Template("""\
# $name: which pixels of a photo are pet, background and border

**$verdict**

## Data

* Name: $data_name
* Licence: $data_licence
* Source: $data_source

The name of a pet decides whether its photos are for training (70 %), validation, calibration or
test (10 % each).

## Metrics

On $photos test photos, which no other stage has seen. All but the loss: more is better. The
calibrated model is the one that is served.

$metrics

## Gates

$gates

## Intended use

Finding the outline of one cat or dog in an ordinary photo, and showing how a model can be had
again, bit for bit. The three probabilities of a pixel are calibrated one by one: each says how
often its class is true, and they need not sum to 1.

## Limits

* Photos are seen at $size x $size pixels; thin parts such as whiskers and tails are lost.
* It was made for one pet in the middle of a photo. Several pets, other animals, drawings and
  night pictures were not measured.
* Calibration holds for photos like those above, and for no others.
* The pixels that people marked as border are a matter of opinion, and score lowest.
* It is no basis for decisions about animals or people.

## How to cite

By content, which names the same model wherever it lies:

$digests

## How to verify

`sha256sum` of each file gives the digest above. `ibid lineage` of the commit that holds this card
names the photos, the code, the parameters and the environment that the model was made from. A run
with the same four gives the same digests, unless its determinism level was `fast`.
""")


def write(
    evaluation: Evaluation,
    gates: Sequence[Gate],
    digests: Mapping[str, str],
    parameters: Parameters,
) -> str:
    """Write the card, in Markdown."""
    failed = [gate for gate in gates if not gate.passed]
    verdict = f"Refused: not to be used. It failed {len(failed)} of {len(gates)} gates."
    return CARD.substitute(
        name=parameters.name,
        verdict=verdict if failed else "Accepted: it passed every gate.",
        data_name=parameters.data_name,
        data_licence=parameters.data_licence,
        data_source=parameters.data_source,
        photos=evaluation.photos,
        size=evaluation.size,
        metrics=_metrics(evaluation),
        gates=_gates(gates),
        digests=markdown.table(("file", "SHA-256"), sorted(digests.items())),
    )


def _metrics(evaluation: Evaluation) -> str:
    named = {
        "constant mean mask": evaluation.models.mean_mask["all"],
        "baseline": evaluation.models.baseline["all"],
        "model": evaluation.models.model["all"],
        "calibrated model": evaluation.models.calibrated["all"],
    }
    groups = evaluation.models.calibrated.items()
    named |= {"calibrated, " + group: scores for group, scores in groups if group != "all"}
    rows = [
        (title, *(f"{scores[metric]:.3f}" for metric in METRICS)) for title, scores in named.items()
    ]
    return markdown.table(("", *METRICS), rows)


def _gates(gates: Sequence[Gate]) -> str:
    rows = [
        (
            gate.name,
            gate.metric,
            f"{gate.value:.4f}",
            f"{gate.threshold:.4f}",
            "passed" if gate.passed else "**failed**",
        )
        for gate in gates
    ]
    return markdown.table(("gate", "metric", "value", "threshold", ""), rows)
