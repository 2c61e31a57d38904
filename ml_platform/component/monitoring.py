"""The asset of what production was like: one report a window, its findings as checks."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import AwareDatetime

from ml_platform.clock import utc_now
from ml_platform.component.asset import AssetOf, Results
from ml_platform.component.handles import Handle
from ml_platform.component.metadata import Metadata, report_link
from ml_platform.component.platform import Platform
from ml_platform.component.runless import materialized_now
from ml_platform.monitoring.check import Check
from ml_platform.monitoring.checks import CHECKS
from ml_platform.monitoring.pictures import pictures
from ml_platform.monitoring.report import MonitoringReport
from ml_platform.retraining.triggers import LiveQuality
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform.spec.monitoring import MonitoringSpec

if TYPE_CHECKING:
    from ml_platform.component.steps.monitor import MonitorOutcome

MONITORING_REPORT = "monitoring_report"

ABOUT = {
    "predictions": "Every prediction is a number, and not always the same one.",
    "input_drift": "No input moved away from the training data.",
    "prediction_drift": "Predictions and their confidence are as on the holdout.",
    "data_quality": "Inputs are no emptier than in training, and hold no values never seen.",
    "refusals": "Few requests break the contract.",
    "errors": "Few requests fail.",
    "latency": "The model answers in time.",
    "live_quality": "On matured labels, no metric is worse than its bound, beyond noise.",
}


class ReportHandle(Handle):
    """What the report of a window means for retraining.

    moved: how far those that drifted moved, by `test`; of the report, the effect size.
    quality, certified: of the metric that `retraining.on_quality` watches, live and certified.
    """

    asset = MONITORING_REPORT
    model: str
    begin: AwareDatetime
    end: AwareDatetime
    drifted: tuple[str, ...] = ()
    moved: dict[str, float] = {}  # noqa: RUF012 - pydantic copies it
    test: str = ""
    quality: LiveQuality | None = None
    certified: float | None = None

    def follows(self, latest: str) -> bool:
        """A report of an old window, made again, is not the latest."""
        return self.end >= ReportHandle.model_validate_json(latest).end


def monitoring_asset(declaration: Declaration) -> dg.AssetsDefinition:
    """`monitoring_report`, partitioned by hour or day."""
    about = "One window of production: traffic, inputs, predictions, quality, beside training."
    spec = declaration.spec.monitoring

    @AssetOf(
        declaration=declaration,
        name=MONITORING_REPORT,
        about=about,
        kind="report",
        checks={name: ABOUT[name] for name in CHECKS},
        partitions=partitions(spec),
        in_production=True,
    )
    def monitoring_report(context: dg.AssetExecutionContext, platform: Any) -> Results:
        return _report(context, declaration, platform.stores)

    return monitoring_report


def partitions(spec: MonitoringSpec) -> dg.TimeWindowPartitionsDefinition:
    """The windows of a declaration."""
    return _partitions(spec.partition, spec.start.isoformat())


@cache
def _partitions(kind: str, start: str) -> dg.TimeWindowPartitionsDefinition:
    if kind == "hourly":
        return dg.HourlyPartitionsDefinition(start_date=f"{start}-00:00", timezone="UTC")
    return dg.DailyPartitionsDefinition(start_date=start, timezone="UTC")


def _report(
    context: dg.AssetExecutionContext, declaration: Declaration, platform: Platform
) -> Iterator[Any]:
    from ml_platform.component.steps.monitor import monitor

    window = context.partition_time_window
    outcome = monitor(
        declaration,
        platform,
        begin=window.start.astimezone(UTC),
        end=window.end.astimezone(UTC),
        now=utc_now(),
    )
    report = outcome.report
    context.log.info(f"{report.predictions:,} predictions from {report.begin} to {report.end}")
    yield dg.MaterializeResult(
        value=_handle_of(declaration, outcome), metadata=of_report(outcome, platform.settings)
    )
    yield from _checks(outcome)


def report_now(
    declaration: Declaration,
    platform: Platform,
    *,
    instance: dg.DagsterInstance,
    partition: str,
    now: datetime,
) -> "MonitorOutcome":
    """Report on the window of a partition in this process, and let Dagster know of it."""
    from ml_platform.component.steps.monitor import monitor

    spec = declaration.spec
    window = partitions(spec.monitoring).time_window_for_partition_key(partition)
    begin, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    outcome = monitor(declaration, platform, begin=begin, end=end, now=now)
    materialized_now(
        spec.name,
        _handle_of(declaration, outcome),
        instance=instance,
        platform=platform,
        metadata=of_report(outcome, platform.settings),
        checks=_checks(outcome),
        partition=partition,
    )
    return outcome


def _handle_of(declaration: Declaration, outcome: "MonitorOutcome") -> ReportHandle:
    report = outcome.report
    return ReportHandle(
        model=report.model,
        begin=report.begin,
        end=report.end,
        drifted=tuple(report.moved),
        moved={c: drift.value for c, drift in report.moved.items() if drift.value is not None},
        test=declaration.spec.monitoring.drift.type,
        quality=outcome.watched,
        certified=outcome.certified,
    )


def _checks(outcome: "MonitorOutcome") -> Iterator[dg.AssetCheckResult]:
    report = outcome.report
    key = dg.AssetKey([report.model, MONITORING_REPORT])
    return (check_result(key, check, window=report.begin) for check in report.checks)


def check_result(key: dg.AssetKey, check: Check, *, window: datetime) -> dg.AssetCheckResult:
    """A finding as Dagster sees it: ERROR where it is critical; it stops nothing either way.

    window: when that of the report begins.
    """
    critical = check.severity == "critical"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description=check.text,
        metadata={
            "verdict": check.verdict,
            "rows": check.rows,
            "window": window.isoformat(),
            **({"version": check.version} if check.version is not None else {}),
            **check.figures,
            **({"subjects": dg.MetadataValue.json(list(check.subjects))} if check.subjects else {}),
        },
    )


def _of_traffic(report: MonitoringReport) -> Metadata:
    """Requests, and each version and role; nothing where they were not counted."""
    if report.traffic is None:
        return {}
    parts = [
        dg.TableRecord(
            {
                "version": part.version,
                "role": part.role,
                "requests": part.requests,
                "errors": sum(part.errors.values()),
                "refusals": sum(part.refusals.values()),
                "mean_ms": part.mean_ms or 0.0,
                "cost": report.cost_of(part) or 0.0,
            }
        )
        for part in report.traffic.versions
    ]
    shown = {"traffic": dg.MetadataValue.table(parts)} if parts else {}
    hosts = report.traffic.elsewhere
    lacking = {"requests_not_counted": f"those of {', '.join(hosts)}"} if hosts else {}
    return {"requests": report.traffic.requests, **lacking, **shown}


def _by_version(report: MonitoringReport) -> dict[str, float]:
    """What each version did in each role, in figures that plot: `requests/3_champion`."""
    counted = () if report.traffic is None else report.traffic.versions
    found: dict[str, float | None] = {}
    for part in counted:
        who = f"{part.version}_{part.role}"
        found[f"requests/{who}"] = part.requests
        found[f"errors/{who}"] = sum(part.errors.values())
        found[f"refusals/{who}"] = sum(part.refusals.values())
        found[f"cost/{who}"] = report.cost_of(part)
    found |= {f"p95_ms/{each.version}_{each.role}": each.p95_ms for each in report.activity}
    return {name: value for name, value in found.items() if value is not None}


def _of_quality(report: MonitoringReport) -> Metadata:
    """The metrics of each version and role on the latest matured window, with their intervals."""
    judged = () if report.quality is None else report.quality.versions
    parts = [
        dg.TableRecord(
            {
                "version": each.version,
                "role": each.role,
                "labels": each.labeled,
                "metric": metric.key,
                "value": metric.text,
            }
        )
        for each in judged
        for metric in (each.evaluation.metrics.values() if each.evaluation else ())
    ]
    return {"quality_by_version": dg.MetadataValue.table(parts)} if parts else {}


def _of_estimate(report: MonitoringReport) -> Metadata:
    if report.not_estimated:
        return {"estimate": report.not_estimated}
    found = {} if report.estimate is None else report.estimate.metrics
    return {f"estimated/{key}": each.value for key, each in found.items()}


def of_report(outcome: "MonitorOutcome", settings: Settings) -> Metadata:
    """Figures that plot over time, what was found, and the pages."""
    report = outcome.report
    figures = {name: value for check in report.checks for name, value in check.figures.items()}
    found = [
        dg.TableRecord({"check": c.name, "verdict": c.verdict, "found": c.text})
        for c in report.checks
    ]
    pages = {"report": outcome.page, "evidently_report": outcome.evidently}
    return {
        **figures,
        **_of_estimate(report),
        **{f"kpi_{name}": value for name, value in report.kpis.items() if value is not None},
        **({"cost_per_1000": report.cost_per_1000} if report.cost_per_1000 is not None else {}),
        "predictions": report.predictions,
        **_of_traffic(report),
        **_by_version(report),
        **_of_quality(report),
        "champion": report.champion or 0,
        "findings": dg.MetadataValue.table(found),
        **{
            f"beside_training/{name}": dg.MetadataValue.md(f"![{name}]({picture.address})")
            for name, picture in pictures(report).items()
        },
        **{
            name: report_link(settings, str(page.relative_to(settings.reports)))
            for name, page in pages.items()
            if page is not None
        },
    }
