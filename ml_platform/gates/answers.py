"""Whether a service's answers are the model's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.task import Task


def differences(answers: Sequence[Any], evidence: ServiceEvidence, start: int) -> Iterator[str]:
    """Yield a sentence for each answer that is not the model's, bit for bit.

    answers: of the records from `start` on: objects with `prediction`; for a classification
        also `probability`, of the positive class or of the likeliest one; for more than two
        classes `probabilities` by name.
    """
    for place, answer in enumerate(answers, start):
        if not isinstance(answer, Mapping) or "prediction" not in answer:
            yield f"record {place}: an answer without prediction: {answer!r:.120}"
            continue
        fields = cast("Mapping[str, Any]", answer)
        own = own_prediction(evidence, place)
        if fields["prediction"] != own:
            yield f"record {place}: predicted {fields['prediction']!r}, the model {own!r}"
        if evidence.task is not Task.REGRESSION:
            yield from _other_probability(fields, evidence, place)


def own_prediction(evidence: ServiceEvidence, place: int) -> Any:
    """Return what the model itself predicts for a record."""
    score = evidence.scores[place]
    if evidence.task is Task.REGRESSION:
        return float(score)
    if evidence.task is Task.BINARY:
        return evidence.classes[int(score >= evidence.threshold)]
    return evidence.classes[int(np.argmax(score))]


def _other_probability(
    answer: Mapping[str, Any], evidence: ServiceEvidence, place: int
) -> Iterator[str]:
    own: Any = evidence.scores[place].tolist()
    expected: dict[str, Any] = {"probability": own}
    if evidence.task is Task.MULTICLASS:
        names = map(str, evidence.classes)
        expected = {"probability": max(own), "probabilities": dict(zip(names, own, strict=True))}
    for field, value in expected.items():
        if answer.get(field) != value:
            found = f"{answer.get(field)!r:.80}"
            yield f"record {place}: {field} {found}, the model's own is {value!r:.80}"
