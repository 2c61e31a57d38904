"""How a certified version reaches production."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml_platform.plugins import Strict

AB_METRICS = ("accuracy", "brier", "log_loss", "mae", "rmse")
"""What an A/B test can compare: metrics that add up over labelled rows as they come."""

Percent = Annotated[float, Field(gt=0, le=100)]


class ShadowSpec(Strict):
    """The candidate scores what the champion answers, and nobody sees it."""

    min_predictions: int = Field(default=500, gt=0, description="Before the release goes on.")
    min_agreement: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of predictions that must be those of the champion.",
    )


class CanarySpec(Strict):
    """The candidate answers a small share of the keys."""

    percent: Percent = Field(default=5, description="Share of the keys.")
    min_predictions: int = Field(default=1000, gt=0, description="Before the release goes on.")


class ReleaseSpec(Strict):
    """How a certified version reaches production.

    With nothing declared a version becomes champion at once; naming a step of the way makes the
    release progressive.
    """

    type: Literal["direct", "progressive", "ab_test"] = Field(
        default="direct",
        description="direct: champion at once. progressive: approval, shadow, canary, ramp, as "
        "declared; the default where one of them is. ab_test: a share of the keys until the "
        "metric tells which is better.",
    )
    automatic: bool = Field(
        default=True,
        description="Whether the platform moves a release by its evidence; where not, each step "
        "waits for a person.",
    )
    approval: Literal["none", "required", "before_full"] = Field(
        default="none", description="Whether a person must say yes, and when."
    )
    shadow: ShadowSpec | None = None
    canary: CanarySpec | None = None
    ramp: tuple[Percent, ...] = Field(
        default=(), description="Percent of the keys, ascending; 100 is the promotion."
    )
    step_predictions: int = Field(
        default=1000, gt=0, description="Predictions of the candidate at each step of the ramp."
    )
    max_error_increase: float = Field(
        default=0.2, gt=0, description="Relative rise of errors that rolls a release back."
    )
    max_latency_increase: float = Field(
        default=0.5, gt=0, description="Relative rise of the mean model time that rolls it back."
    )
    percent: Percent = Field(default=50, description="ab_test: share of keys for the candidate.")
    metric: str | None = Field(default=None, description="ab_test: what is compared, from labels.")
    min_effect: float = Field(
        default=0.0, ge=0, description="ab_test: the least difference that is of interest."
    )
    promote_winner: bool = Field(
        default=False, description="ab_test: whether the winner becomes champion by itself."
    )

    @model_validator(mode="before")
    @classmethod
    def _progressive_where_a_step_is_declared(cls, content: object) -> object:
        if isinstance(content, dict) and "type" not in content:
            steps = {"approval", "shadow", "canary", "ramp"}
            if steps & content.keys():
                return {**content, "type": "progressive"}
        return content  # pyright: ignore[reportUnknownVariableType]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.type == "direct" and not self.automatic:
            raise ValueError(
                "automatic: false needs steps that wait for a person, and a direct release has "
                "none; declare approval, shadow, canary or ramp, or type: ab_test"
            )
        if list(self.ramp) != sorted(set(self.ramp)):
            raise ValueError(f"ramp must ascend, found {list(self.ramp)}; valid: [25, 50, 100]")
        if self.canary and self.ramp and self.ramp[0] < self.canary.percent:
            raise ValueError(f"ramp starts at {self.ramp[0]:g}, below canary.percent")
        if self.type == "ab_test" and self.metric not in AB_METRICS:
            valid = ", ".join(AB_METRICS)
            raise ValueError(
                f"ab_test needs a metric that adds up over labelled rows, found {self.metric!r}; "
                f"valid: {valid}"
            )
        return self
