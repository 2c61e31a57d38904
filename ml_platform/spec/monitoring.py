"""What is watched of a model in production, and who is told."""

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from ml_platform.data.duration import Duration
from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest
from ml_platform.plugins import Declared, Strict
from ml_platform.spec.cron import check_cron

Share = Annotated[float, Field(ge=0, le=1)]
Severity = Literal["warning", "critical"]
CheckName = Literal[
    "predictions",
    "input_drift",
    "prediction_drift",
    "data_quality",
    "refusals",
    "errors",
    "latency",
    "live_quality",
]
"""Every check of a report, in their order."""


def _stability() -> DriftTest:
    return DRIFT_TESTS.parse({"type": "population_stability"})


class MonitoringSpec(Strict):
    """The report of each hour or day of production, and what in it is a finding."""

    schedule: str | None = Field(
        default=None,
        description="Cron expression of five fields, UTC: the report is of the last window that "
        "is over then. A report is made of each window when it is over if null.",
    )
    partition: Literal["hourly", "daily"] = Field(
        default="daily", description="How much time one report covers."
    )
    drift: Annotated[DriftTest, Declared(DRIFT_TESTS)] = Field(
        default_factory=_stability, description="How the drift of a column is judged."
    )
    ignore: tuple[str, ...] = Field(
        default=(),
        description="Columns that are not looked at, such as one that nobody minds.",
    )
    usual: bool = Field(
        default=True,
        description="Whether drift, nulls and constant columns are findings only beyond what "
        "windows of the training data, as long as the report's, are like as a rule.",
    )
    min_rows: int = Field(
        default=200, gt=0, description="Predictions of a report; drift of fewer is not judged."
    )
    max_refused: Share = Field(default=0.05, description="Share of requests that are refused.")
    max_errors: Share = Field(default=0.01, description="Share of requests that fail.")
    max_nulls: Share = Field(
        default=0.05, description="How much more of a column may be null than in training."
    )
    max_unseen: Share = Field(
        default=0.05, description="Share of a column's values that training never saw."
    )
    max_p95_ms: float | None = Field(
        default=None,
        gt=0,
        description="95th percentile of the time from a request's first byte to its answer.",
    )
    severity: dict[CheckName, Severity] = Field(
        default={}, description="Severity by check, such as `input_drift: critical`."
    )
    start: date = Field(
        default=date(2020, 1, 1), description="The first day of which there can be a report."
    )
    evidently: Literal["always", "on_drift", "never"] = Field(
        default="on_drift", description="When Evidently's page on a sample is made: it takes time."
    )
    automatic: bool = Field(
        default=True, description="Whether the platform makes reports by itself."
    )

    @field_validator("schedule")
    @classmethod
    def _valid_cron(cls, schedule: str | None) -> str | None:
        if schedule is not None:
            check_cron(schedule)
        return schedule


class SilenceSpec(Strict):
    """A time in which incidents are recorded and nobody is told."""

    begin: AwareDatetime = Field(description="A time with its zone.")
    end: AwareDatetime = Field(description="A time with its zone, not part of it.")
    why: str = Field(min_length=1, description="For people.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.begin:
            raise ValueError(f"the silence ends at {self.end}, before it begins")
        return self


class AlertsSpec(Strict):
    """Who is told of an incident, and how often."""

    urls: tuple[str, ...] = Field(
        default=(),
        description="Where messages go, as apprise writes it: mailto://..., slack://..., "
        "pagerduty://..., workflows://... for Teams, json://host/path for a webhook. `{owner}` in "
        "one stands for the owner. Those of ML_PLATFORM_OWNER_ALERT_URLS if empty.",
    )
    runbook: str | None = Field(default=None, description="Address of what to do, in each message.")
    min_severity: Severity = Field(
        default="warning", description="What is less severe is recorded only."
    )
    after_reports: int = Field(
        default=1,
        ge=1,
        description="Monitoring reports, one after the other, that must find a warning before "
        "anybody is told. What is critical is told at once.",
    )
    escalate_after: Duration = Field(
        default=timedelta(hours=4),
        description="An incident that is open this long goes to `escalate_to` as well.",
    )
    escalate_to: tuple[str, ...] = Field(default=(), description="Addresses as in `urls`.")
    silences: tuple[SilenceSpec, ...] = ()
    automatic: bool = Field(
        default=True, description="Whether the platform looks for incidents by itself."
    )

    def silence(self, now: AwareDatetime) -> SilenceSpec | None:
        """The silence that holds now, if one does."""
        return next((s for s in self.silences if s.begin <= now < s.end), None)
