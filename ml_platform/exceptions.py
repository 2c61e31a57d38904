"""Every error that ml_platform raises on purpose.

    MLPlatformError
    ├── DeclarationError         a defs.yaml is wrong; names file, line and what would be valid
    ├── PluginError              no such plugin can be had
    │   ├── UnknownPlugin        no gate, trainer, source ... of that name
    │   └── UnusablePlugin       there is one of that name, but it does not load
    ├── StoreError               a store is away, full, or refuses us
    ├── DataError
    │   ├── SourceError          a source cannot be read
    │   ├── ContractViolation    the data break their contract
    │   ├── SnapshotNotFound     no snapshot of that version or hash
    │   ├── PredictionNotFound   no prediction of that id was logged
    │   └── SplitError           the rows cannot be split as declared
    ├── FeatureError             features cannot be built from these columns
    ├── TrainingError            a model cannot be trained from these rows
    ├── ModelError               a stored model cannot be read, or must not be
    ├── MetricUnavailable        a metric is not defined on these rows
    ├── CalibrationError         too little was measured to say anything about noise
    ├── ReplayError              past rows cannot be replayed as asked
    ├── ReleaseError
    │   ├── RevisionConflict     somebody else moved the release first
    │   ├── NothingReleased      the model has no champion yet
    │   └── DeploymentRefused    the evidence for this version does not hold
    └── ServingError
        ├── RecordRefused        a record breaks the contract: HTTP 400, names the field
        │   └── BodyTooLarge     a request body is over the limit: HTTP 413
        ├── PredictionFailed     the model cannot answer a good record: HTTP 503
        ├── JournalUnavailable   a prediction cannot be logged, so it is not answered: HTTP 503
        └── ServiceUnavailable   the service under test did not start or answer

An error says what was found, where, and what would be valid.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """What follows a name that is none of the valid ones; "" where none is like it.

    >>> did_you_mean("roc_aux", ["accuracy", "roc_auc"])
    "; did you mean 'roc_auc'?"
    """
    close = get_close_matches(name, sorted(valid), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class MLPlatformError(Exception):
    """Base of every error raised on purpose; its text is written for the user."""


class DeclarationError(MLPlatformError):
    """A model's declaration is wrong."""


class PluginError(MLPlatformError):
    """What a `type` names cannot be had."""


class UnknownPlugin(PluginError):
    """No plugin of this kind has that name."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        choices = sorted(valid)
        hint = did_you_mean(name, choices)
        super().__init__(f"unknown {kind} {name!r}{hint} (valid: {', '.join(choices)})")


class UnusablePlugin(PluginError):
    """There is a plugin of that name, but it does not load."""

    def __init__(self, kind: str, name: str, reason: str, valid: Iterable[str]) -> None:
        choices = ", ".join(sorted(valid))
        super().__init__(f"{kind} {name!r} cannot be used: {reason} (valid: {choices})")


class StoreError(MLPlatformError):
    """A store is away, full, or refuses us."""


class DataError(MLPlatformError):
    """Something is wrong with the data."""


class SourceError(DataError):
    """A source cannot be read."""


class ContractViolation(DataError):
    """The data break their contract."""


class SnapshotNotFound(DataError):
    """No snapshot of that version or hash."""


class PredictionNotFound(DataError):
    """No prediction of that id was logged."""


class SplitError(DataError):
    """The rows cannot be split as declared."""


class FeatureError(MLPlatformError):
    """Features cannot be built from these columns."""


class TrainingError(MLPlatformError):
    """A model cannot be trained from these rows."""


class ModelError(MLPlatformError):
    """A stored model cannot be read, or must not be."""


class MetricUnavailable(MLPlatformError):
    """A metric is not defined on these rows."""

    def __init__(self, metric: str, *, reason: str) -> None:
        self.metric = metric
        self.reason = reason
        super().__init__(f"{metric} is not measurable: {reason}")


class CalibrationError(MLPlatformError):
    """Too little was measured to say anything about noise."""


class ReplayError(MLPlatformError):
    """Past rows cannot be replayed as asked."""


class ReleaseError(MLPlatformError):
    """A release cannot do what was asked."""


class RevisionConflict(ReleaseError):
    """Somebody else moved the release first; read it again and decide anew."""


class NothingReleased(ReleaseError):
    """The model has no champion yet."""

    def __init__(self, model: str, released: Iterable[str]) -> None:
        known = sorted(released)
        hint = did_you_mean(model, known)
        valid = ", ".join(known) or "none"
        super().__init__(f"no version of {model!r} is released yet{hint} (released: {valid})")


class DeploymentRefused(ReleaseError):
    """The evidence for this version does not hold."""


class ServingError(MLPlatformError):
    """The inference service cannot do what was asked."""


class RecordRefused(ServingError):
    """A record breaks the contract; answered with HTTP 400.

    field: the offending field; None where the record as a whole is at fault.
    reason: a short machine-readable word, such as "missing" or "out_of_range".
    allowed: what would have been valid, for people.
    """

    status = 400

    def __init__(self, field: str | None, reason: str, *, allowed: str, index: int | None = None):
        self.field = field
        self.reason = reason
        self.allowed = allowed
        self.index = index
        super().__init__(f"{field or 'record'}: {reason}; allowed: {allowed}")


class BodyTooLarge(RecordRefused):
    """A request body is over the limit; answered with HTTP 413."""

    status = 413

    def __init__(self, *, limit: int) -> None:
        super().__init__(None, "body_too_large", allowed=f"a body of at most {limit:,} bytes")


class PredictionFailed(ServingError):
    """The model cannot answer a record that keeps the contract; answered with HTTP 503."""

    status = 503


class JournalUnavailable(ServingError):
    """A prediction cannot be logged, so it is not answered; answered with HTTP 503.

    reason: a short machine-readable word: "disk_full", "behind", "closed" or "failed".
    """

    status = 503

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(f"the journal cannot be written: {detail}")


class ServiceUnavailable(ServingError):
    """The service under test did not start or answer."""
