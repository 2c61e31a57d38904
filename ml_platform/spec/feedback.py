"""How labels come back, when they are trusted, and what is asked of them before they teach."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml_platform.data.duration import Duration
from ml_platform.plugins import Strict

Share = Annotated[float, Field(ge=0, le=1)]


class AuditSpec(Strict):
    """What the labeled predictions must be, beside all predictions, before they teach a model.

    A group, a source or a column is found at fault where it is beyond the tolerance and noise
    alone would not put it there; all that is asked in one audit shares one chance of a false alarm.
    """

    enforce: Literal["block", "warn"] = Field(
        default="block", description="Whether a failed audit fails the run."
    )
    on_inconclusive: Literal["block", "warn"] = Field(
        default="warn", description="The same where the labels are too few to tell."
    )
    windows: int = Field(default=4, gt=0, description="The latest matured windows are judged.")
    min_rows: int = Field(default=200, gt=0, description="Labeled predictions; fewer cannot tell.")
    max_coverage_gap: Share = Field(
        default=0.1,
        description="How much less, or more, of a group may be labeled than of the others, by "
        "slice, score band, role and decision.",
    )
    max_shift: float = Field(
        default=0.1,
        gt=0,
        description="Population stability index of labeled against all predictions, by column.",
    )
    max_contradictions: Share = Field(
        default=0.05, description="Share of the labels of a source that others contradict."
    )
    max_model_labels: Share = Field(
        default=0.01, description="Share of labels that the model itself gave (`source: model`)."
    )
    max_quarantined: Share = Field(
        default=0.1, description="Share of labels that break the contract of the target."
    )
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="That an audit of clean feedback does not fail."
    )


class ExplorationSpec(Strict):
    """A small share of decisions made at random, so that those not taken get an outcome too."""

    percent: float = Field(gt=0, le=50, description="Share of the keys.")


class KpiSpec(Strict):
    """One number of the business, from the labeled predictions.

    name: under which it plots.
    sql: a query over the table `labeled` that gives one number; or
    function: `module:name`, gets the labeled predictions as a frame, returns a number.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sql: str | None = None
    function: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    unit: str | None = Field(default=None, description="For people.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.sql is None) == (self.function is None):
            raise ValueError("a business figure has either `sql` or `function`")
        return self


class FeedbackSpec(Strict):
    """When the labels of a prediction are there, and how they are taken in."""

    label_delay: Duration = Field(
        description="From a prediction to its label; a window is judged when it has passed."
    )
    window: Duration = Field(
        default=timedelta(days=7), description="Predictions are judged in windows of this length."
    )
    min_labeled: Share = Field(
        default=0.5, description="Share of a window's predictions that must be labeled."
    )
    max_staleness: Duration | None = Field(
        default=None, description="How old the newest label may be before it is said."
    )
    key: str | None = Field(
        default=None,
        description="Column of label files that holds the declared id; that of `data.id` if null.",
    )
    drop_folder: str | None = Field(
        default=None,
        description="Label files put there are taken in; relative to the declaration, or absolute.",
    )
    table: str | None = Field(
        default=None,
        description="Delta table whose new rows are taken in, each once; relative to the "
        "declaration, absolute, or a URL.",
    )
    automatic: bool = Field(
        default=True, description="Whether the platform joins new labels by itself."
    )
    audit: AuditSpec = AuditSpec()
    exploration: ExplorationSpec | None = None
    kpis: tuple[KpiSpec, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window <= timedelta(0):
            raise ValueError("window is empty; valid: 1d, 7d, 12h")
        names = [kpi.name for kpi in self.kpis]
        if len(set(names)) < len(names):
            raise ValueError(f"two business figures have one name: {', '.join(sorted(names))}")
        return self
