"""The asset `labeled_feedback`: labels joined to predictions, and audited before they teach."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_platform.clock import utc_now
from ml_platform.component.asset import AssetOf, Results
from ml_platform.component.blocking import check_results, stop_if_blocked
from ml_platform.component.handles import Handle
from ml_platform.component.jobs import ModelJob, job_of
from ml_platform.component.metadata import Metadata
from ml_platform.component.runless import materialized_now
from ml_platform.feedback.audit import CHECK, Audit
from ml_platform.feedback.estimate import PerformanceEstimate
from ml_platform.feedback.labeled import NAME, OUTCOMES
from ml_platform.feedback.maturity import LabelDelay, Window
from ml_platform.feedback.teaching import Teaching, listed
from ml_platform.gates.result import GateRecord
from ml_platform.spec.load import Declaration

if TYPE_CHECKING:
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.label_feedback import FeedbackOutcome, FeedbackState

IN_TIME = "labels_in_time"
"""The check that tells when labels stop, or take longer than declared."""

_ABOUT = """\
What became of every label that came, and the predictions it belongs to. One row a label; those of
outcome `joined` are the labels in force, one a prediction."""


class LabeledFeedback(Handle):
    """The labels of a model as they are joined, and the verdict on them.

    table, version: of Delta, under the data URL. counts: labels by outcome. audit: with what of
    the labels may teach. matured: how far matured windows reach, from and to.
    teaching: what this audit and those before said of each window, and its labels.
    estimate: of how good the predictions after these are.
    """

    asset = NAME
    table: str
    version: int
    counts: dict[str, int]
    audit: Audit
    teaching: Teaching
    matured: tuple[datetime, datetime] | None
    windows: tuple[Window, ...]
    delay: LabelDelay | None
    estimate: PerformanceEstimate | None = None


def feedback_assets(declaration: Declaration) -> Sequence[dg.AssetsDefinition]:
    """The asset, where feedback is declared."""
    return [] if declaration.spec.feedback is None else [_labeled_feedback(declaration)]


def feedback_jobs(declaration: Declaration) -> list[ModelJob]:
    """The job that joins the labels of the model, where feedback is declared."""
    name = declaration.spec.name
    if declaration.spec.feedback is None:
        return []
    about = f"Join the labels of {name} to its predictions, and audit them."
    return [job_of(name, feedback_job_name(name), NAME, about=about)]


def feedback_job_name(model: str) -> str:
    """The name of the job that joins a model's labels."""
    return f"{model}_feedback"


def _labeled_feedback(declaration: Declaration) -> dg.AssetsDefinition:
    @AssetOf(
        declaration=declaration,
        name=NAME,
        about=_ABOUT,
        kind="duckdb",
        after=("inference_log",),
        checks={
            CHECK: "The labeled predictions may stand for all: they were not selected.",
            IN_TIME: "Labels come, and as fast as declared.",
        },
        blocking={CHECK},
        in_production=True,
    )
    def labeled_feedback(context: dg.AssetExecutionContext, platform: Any) -> Results:
        from ml_platform.component.steps.label_feedback import label_feedback

        outcome = label_feedback(declaration, platform.stores, now=utc_now())
        context.log.info(f"{outcome.join.fresh:,} new labels")
        yield dg.MaterializeResult(
            value=handle_of(outcome),
            data_version=dg.DataVersion(str(outcome.state.version)),
            metadata=of_feedback(outcome),
        )
        yield from _checks(declaration, platform.stores, outcome)
        stop_if_blocked(declaration, context.asset_key, [_audited(declaration, outcome)])

    return labeled_feedback


def _audited(declaration: Declaration, outcome: "FeedbackOutcome") -> GateRecord:
    assert declaration.spec.feedback is not None
    return outcome.state.audit.record(declaration.spec.feedback.audit)


def _checks(
    declaration: Declaration, platform: "Platform", outcome: "FeedbackOutcome"
) -> Iterator[dg.AssetCheckResult]:
    key = dg.AssetKey([declaration.spec.name, NAME])
    about = _champion(platform, declaration.spec.name)
    yield from check_results(key, [_audited(declaration, outcome)], metadata=about)
    state = outcome.state
    fine = "labels come, and as fast as declared" if state.delay else "too few labels tell"
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=IN_TIME,
        passed=not state.late,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(state.late) or fine,
        metadata={"verdict": "failed" if state.late else "passed" if state.delay else "unclear"},
    )


def _champion(platform: "Platform", name: str) -> Metadata:
    """The version that most labels are about, as an alert names it."""
    champion = platform.releases.state(name).champion
    return {} if champion is None else {"version": champion}


def handle_of(outcome: "FeedbackOutcome") -> LabeledFeedback:
    """What the asset hands on."""
    state = outcome.state
    return LabeledFeedback(
        table=outcome.table,
        version=state.version,
        counts=state.record.counts,
        audit=state.audit,
        teaching=state.teaching,
        matured=state.span,
        estimate=state.estimate,
        windows=state.windows,
        delay=state.delay,
    )


def of_feedback(outcome: "FeedbackOutcome") -> Metadata:
    """Counts that plot over time, the windows, the delay, and what dropped files came to."""
    from ml_platform.component.steps.take_labels import Refused

    state = outcome.state
    refused = [f"{each.file}: {each.reason}" for each in outcome.taken if isinstance(each, Refused)]
    return {
        "delivered": state.record.delivered,
        **{outcome_: state.record.counts.get(outcome_, 0) for outcome_ in OUTCOMES},
        "new_labels": outcome.join.fresh,
        "files": len(outcome.taken),
        "trainable": state.audit.trainable,
        "kept_out": listed([each.told for each in state.teaching.kept_out]) or "none",
        "findings": "; ".join([*state.late, *refused]) or "none",
        **({} if outcome.release is None else {"release": outcome.release}),
        **_of_windows(state),
        **_of_delay(state.delay),
        **_of_estimate(state),
    }


def _of_windows(state: "FeedbackState") -> Metadata:
    rows = [
        dg.TableRecord(
            {
                "window": f"{window.start:%Y-%m-%d %H:%M}",
                "state": window.state,
                "predictions": window.predicted,
                "labeled": f"{window.share:.1%}",
            }
        )
        for window in state.windows
    ]
    matured = [window for window in state.windows if window.state == "matured"]
    return {
        **({"windows": dg.MetadataValue.table(rows)} if rows else {}),
        "matured_windows": len(matured),
        **({"coverage": matured[-1].share} if matured else {}),
    }


def _of_delay(delay: LabelDelay | None) -> Metadata:
    if delay is None or not delay.quantiles:
        return {}
    found = {f"delay_hours/q{level * 100:g}": s / 3600 for level, s in delay.quantiles.items()}
    return {**found, "late_share": delay.late, "declared_delay_hours": _hours(delay)}


def _hours(delay: LabelDelay) -> float:
    return delay.declared.total_seconds() / 3600


def _of_estimate(state: "FeedbackState") -> Metadata:
    if state.not_estimated:
        return {"estimate": state.not_estimated}
    if state.estimate is None:
        return {}
    shown = {f"estimated/{key}": each.value for key, each in state.estimate.metrics.items()}
    return {**shown, "estimate": dg.MetadataValue.json(state.estimate.model_dump(mode="json"))}


def join_now(
    declaration: Declaration, platform: "Platform", *, instance: dg.DagsterInstance, now: datetime
) -> "FeedbackOutcome":
    """Take in, join and judge in this process; what came of it is kept as the latest handle."""
    from ml_platform.component.steps.label_feedback import label_feedback

    outcome = label_feedback(declaration, platform, now=now)
    materialized_now(
        declaration.spec.name,
        handle_of(outcome),
        instance=instance,
        platform=platform,
        metadata=of_feedback(outcome),
        checks=_checks(declaration, platform, outcome),
    )
    return outcome
