"""What speaks for training a model again, said with its evidence."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, JsonValue

from ml_platform.plugins import Strict
from ml_platform.retraining.budget import TrainingRun
from ml_platform.spec.retraining import LiveQualitySpec, RetrainingSpec

_SHOWN = 20
"""Features that the evidence of drift names."""


class Trigger(StrEnum):
    """Why a training starts."""

    SCHEDULE = "schedule"
    NEW_LABELS = "new_labels"
    DRIFT = "drift"
    QUALITY = "quality"
    NEW_DATA = "new_data"


class Reason(Strict):
    """One trigger that fired.

    key: what it fired on; the same key never starts a second run.
    text: for people; evidence: the figures behind it, JSON-ready.
    """

    trigger: Trigger
    key: str
    text: str
    evidence: dict[str, JsonValue] = Field(default={})


class LiveQuality(Strict):
    """A metric on a window of matured labels, with its interval."""

    metric: str
    value: float
    low: float
    high: float
    rows: int
    window: str
    greater_is_better: bool = True


class Facts(Strict):
    """What is known of a model since it was last trained; aggregates only.

    trained_at: when its last training started; None when it never was.
    due: since when its schedule asks.
    new_labels: matured, audited labels since; labels_through: the version of their table.
    drifted: features found drifted since, by the monitoring report `drift_report`.
    moved: how far, by `drift_test`, where that was measured.
    certified: the champion's value of the watched metric on its certificate.
    data_version, trained_on: content hashes of the validated data now, and at the last training.
    """

    model: str
    trained_at: AwareDatetime | None = None
    due: AwareDatetime | None = None
    new_labels: int = Field(default=0, ge=0)
    labels_through: str = ""
    drifted: tuple[str, ...] = ()
    moved: dict[str, float] = Field(default={})
    drift_test: str = ""
    drift_report: str = ""
    quality: LiveQuality | None = None
    certified: float | None = None
    data_version: str | None = None
    trained_on: str | None = None

    def after(self, runs: Iterable[TrainingRun]) -> Self:
        """The same, without what the schedule asks where a run since then is the answer to it."""
        if self.due is None:
            return self
        own = [run.started for run in runs if run.model == self.model]
        answered = any(started >= self.due for started in own)
        return self.model_copy(update={"due": None}) if answered else self


def reasons(spec: RetrainingSpec, facts: Facts) -> tuple[Reason, ...]:
    """Return what speaks for a training now; empty where nothing does.

    A model that was never trained is started by its schedule or by a person only.
    """
    return tuple(_reasons(spec, facts))


def _reasons(spec: RetrainingSpec, facts: Facts) -> Iterator[Reason]:
    if facts.due is not None:
        when = facts.due.isoformat()
        yield Reason(
            trigger=Trigger.SCHEDULE,
            key=when,
            text=f"due by its schedule at {when}",
            evidence={"due": when},
        )
    if facts.trained_at is None:
        return
    if spec.min_new_labels is not None and facts.new_labels >= spec.min_new_labels:
        yield Reason(
            trigger=Trigger.NEW_LABELS,
            key=facts.labels_through,
            text=f"{facts.new_labels:,} matured labels are new, {spec.min_new_labels:,} are enough",
            evidence={
                "labels": facts.new_labels,
                "enough": spec.min_new_labels,
                "through": facts.labels_through,
            },
        )
    if spec.on_drift and facts.drifted:
        yield Reason(
            trigger=Trigger.DRIFT,
            key=facts.drift_report,
            text=f"{', '.join(facts.drifted)} drifted in the window of {facts.drift_report}",
            evidence=_of_drift(facts),
        )
    if spec.on_quality is not None and facts.quality is not None:
        yield from _quality(spec.on_quality, facts.quality, facts.certified)
    if spec.on_new_data and facts.data_version not in (None, facts.trained_on):
        key = str(facts.data_version)
        text = f"validated data changed to {key[:12]}"
        evidence: dict[str, JsonValue] = {"data": key, "trained_on": facts.trained_on}
        yield Reason(trigger=Trigger.NEW_DATA, key=key, text=text, evidence=evidence)


def _of_drift(facts: Facts) -> dict[str, JsonValue]:
    """How far the features moved that moved furthest, and how many did."""
    far = sorted(facts.drifted, key=lambda name: -facts.moved.get(name, 0.0))[:_SHOWN]
    return {
        "report": facts.drift_report,
        "test": facts.drift_test,
        "drifted": len(facts.drifted),
        "moved": {name: facts.moved.get(name) for name in far},
    }


def _quality(
    bound: LiveQualitySpec, quality: LiveQuality, certified: float | None
) -> Iterator[Reason]:
    """Live quality counts as bad when its whole interval is: noise alone trains nothing."""
    limits = {"the floor": bound.floor}
    sign = 1.0 if quality.greater_is_better else -1.0
    if bound.max_drop is not None and certified is not None:
        limits["the champion's certificate"] = certified - sign * bound.max_drop
    best = quality.high if quality.greater_is_better else quality.low
    for name, limit in limits.items():
        if limit is not None and sign * best < sign * limit:
            yield Reason(
                trigger=Trigger.QUALITY,
                key=quality.window,
                text=f"{quality.metric} is {quality.value:.4g} [{quality.low:.4g}, "
                f"{quality.high:.4g}] on {quality.rows:,} labels of {quality.window}, worse than "
                f"{limit:.4g} allowed by {name}",
                evidence={
                    **quality.model_dump(exclude={"greater_is_better"}),
                    "limit": limit,
                    "allowed_by": name,
                },
            )
            return
