"""What a model predicts."""

from enum import StrEnum


class Task(StrEnum):
    """The kind of target; decides metrics, objectives and the shape of scores.

    Scores are float64: binary `(n,)` probability of the positive class; multiclass `(n, k)`
    probabilities in the order of the classes; regression `(n,)` values.
    Encoded targets: binary int 0 or 1; multiclass int 0..k-1; regression float64.
    """

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
