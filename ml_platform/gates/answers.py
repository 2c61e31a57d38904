"""Whether a service's answers are the model's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.task import Task


def differences(answers: Sequence[Any], evidence: ServiceEvidence, start: int) -> Iterator[str]:
    """Yield a sentence for each answer that is not the model's, bit for bit.

    answers: of the records from `start` on: objects with `prediction` and, for a
        classification, `probability`: the positive class's, or one for each class by name or
        in their order.
    """
    for place, answer in enumerate(answers, start):
        if not isinstance(answer, Mapping) or "prediction" not in answer:
            yield f"record {place}: an answer without prediction: {answer!r:.120}"
            continue
        fields = cast("Mapping[str, Any]", answer)
        own = own_prediction(evidence, place)
        if fields["prediction"] != own:
            yield f"record {place}: predicted {fields['prediction']!r}, the model {own!r}"
        told = fields.get("probability", fields.get("probabilities"))
        if evidence.task is not Task.REGRESSION and not _same(told, evidence, place):
            yield (
                f"record {place}: probability {told!r:.80}, "
                f"the model's own is {evidence.scores[place].tolist()!r:.80}"
            )


def own_prediction(evidence: ServiceEvidence, place: int) -> Any:
    """Return what the model itself predicts for a record."""
    score = evidence.scores[place]
    if evidence.task is Task.REGRESSION:
        return float(score)
    if evidence.task is Task.BINARY:
        return evidence.classes[int(score >= evidence.threshold)]
    return evidence.classes[int(np.argmax(score))]


def _same(told: Any, evidence: ServiceEvidence, place: int) -> bool:
    own = evidence.scores[place]
    if evidence.task is Task.BINARY:
        return isinstance(told, int | float) and float(told) == float(own)
    if isinstance(told, Mapping):
        by_name = {str(k): v for k, v in cast("Mapping[Any, Any]", told).items()}
        return by_name == dict(zip(map(str, evidence.classes), own.tolist(), strict=True))
    if isinstance(told, list):
        return told == own.tolist()
    return told == float(own.max())
