"""When a model is trained again, and on what."""

from datetime import timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from ml_platform.data.duration import Duration
from ml_platform.plugins import Strict
from ml_platform.spec.cron import check_cron
from ml_platform.training.weighting import Weighting


class LiveQualitySpec(Strict):
    """What live quality, measured on matured labels, must stay above (below, for an error)."""

    metric: str = Field(description="A metric of the task, such as roc_auc.")
    floor: float | None = Field(default=None, description="The worst value that is accepted.")
    max_drop: float | None = Field(
        default=None, ge=0, description="The most it may lie behind the champion's certificate."
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.floor is None and self.max_drop is None:
            raise ValueError("on_quality needs a bound; valid: floor, max_drop, or both")
        return self


class TrainingDataSpec(Strict):
    """What rows a training sees besides those of the source, and how much each counts."""

    feedback: bool = Field(
        default=True, description="Whether labeled production rows that passed the audit are added."
    )
    window: Duration | None = Field(
        default=None, description="Rows older than this before the latest are left out."
    )
    recency_half_life: Duration | None = Field(
        default=None, description="A row that is this much older than the latest counts half."
    )
    balance_classes: bool = Field(
        default=False, description="Whether each class counts the same in sum."
    )

    def weighting(self, event_time: str | None) -> Weighting:
        """How much each training row counts."""
        return Weighting(event_time, self.recency_half_life, self.balance_classes)


class RetrainingSpec(Strict):
    """When the model is trained again; triggers that fire together make one run."""

    schedule: str | None = Field(default=None, description="Cron expression of five fields.")
    timezone: str = Field(default="UTC", description="IANA name, such as Europe/Berlin.")
    min_new_labels: int | None = Field(
        default=None, gt=0, description="Matured labels since the last training that start one."
    )
    on_drift: bool = Field(default=False, description="Whether drift of the inputs starts one.")
    on_quality: LiveQualitySpec | None = None
    on_new_data: bool = Field(
        default=False,
        description="Whether validated data that is other than what was trained on starts one.",
    )
    data_schedule: str | None = Field(
        default=None,
        description="Cron expression: when the source is read and validated for `on_new_data`.",
    )
    cooldown: Duration = Field(
        default=timedelta(hours=6), description="The least time between the starts of two runs."
    )
    max_runs_per_day: int = Field(default=4, gt=0, description="Of this model, in any 24 hours.")
    max_hours_per_day: float | None = Field(
        default=None, gt=0, description="Wall-clock hours of this model's runs in any 24 hours."
    )
    max_gpu_hours_per_day: float | None = Field(
        default=None, gt=0, description="The same for runs with training.device: cuda."
    )
    priority: int = Field(default=0, description="Who goes first when the budget is short.")
    automatic: bool = Field(
        default=True,
        description="Whether the platform trains by itself, and looks for new data, as declared.",
    )

    @property
    def has_trigger(self) -> bool:
        """Whether anything but a person can start a training."""
        asks = (self.schedule, self.min_new_labels, self.on_quality)
        declared = self.on_drift or self.on_new_data or any(each is not None for each in asks)
        return self.automatic and declared

    @field_validator("schedule", "data_schedule")
    @classmethod
    def _valid_cron(cls, schedule: str | None) -> str | None:
        if schedule is not None:
            check_cron(schedule)
        return schedule

    @model_validator(mode="after")
    def _data_is_looked_at(self) -> Self:
        if self.data_schedule is not None and not self.on_new_data:
            raise ValueError(
                "data_schedule needs on_new_data: true, or what it finds starts nothing"
            )
        return self

    @field_validator("timezone")
    @classmethod
    def _valid_timezone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"no time zone {timezone!r}; valid: UTC, Europe/Berlin, ..."
            ) from error
        return timezone
