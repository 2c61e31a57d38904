"""What the journal is told of predictions and labels."""

from typing import Any

from ml_platform.clock import Clock
from ml_platform.serving.feedback import Label
from ml_platform.serving.journal.record import feedback_record, prediction_record
from ml_platform.serving.journal.sensitive import Sensitive
from ml_platform.serving.live.prediction import Prediction

FALLBACK, CHAMPION = "fallback", "champion"


class Recorder:
    """Makes the payloads of journal records.

    clock: seconds since 1970, UTC; sensitive: what may be logged of which columns.
    """

    def __init__(self, clock: Clock, sensitive: Sensitive | None = None) -> None:
        self._clock = clock
        self._sensitive = sensitive

    def prediction(self, one: Prediction, label: Any, latency_us: int, request_id: str) -> bytes:
        """Return the record of a prediction.

        latency_us: microseconds from the request's first byte to this record.
        """
        served, score = one.served, one.score
        several = isinstance(score, tuple)
        return prediction_record(
            prediction_id=one.prediction_id,
            sent=one.sent,
            key=one.key,
            at=self._clock(),
            features=one.record,
            prediction=label,
            score=max(score) if several else score,
            scores=score if several else None,
            version=served.number,
            role=CHAMPION if served.role == FALLBACK else served.role,
            latency_us=latency_us,
            request_id=request_id,
            random=one.explored,
            sensitive=self._sensitive,
        )

    def feedback(self, label: Label) -> bytes:
        """Return the record of a label."""
        return feedback_record(
            prediction_id=label.prediction_id,
            key=label.key,
            label=label.label,
            observed_at=label.observed_at,
            source=label.source or "api",
            at=self._clock(),
            sensitive=self._sensitive,
        )
