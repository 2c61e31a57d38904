"""monitoring_report: what one window of production was like, beside what training saw."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import AwareDatetime

from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import certificate_file
from ml_platform.component.steps.kept_reports import FOLDER, KeptReports
from ml_platform.component.steps.live_window import Labeled
from ml_platform.component.steps.prediction_drift import prediction_drift
from ml_platform.component.steps.production_window import OF_ACTIVITY, Training, Window
from ml_platform.component.steps.training_reference import training_reference
from ml_platform.component.steps.usual_windows import usual_windows
from ml_platform.component.steps.window_traffic import counted
from ml_platform.data.handles import HandleStore
from ml_platform.data.page import Link
from ml_platform.drift.bins import Reference
from ml_platform.drift.usual import UNKNOWN, UsualWindow
from ml_platform.evaluation.data_docs import write_index
from ml_platform.evaluation.evidently_report import evidently_html
from ml_platform.feedback.estimate import PerformanceEstimate, why_not_estimated
from ml_platform.feedback.inference_table import FEATURE
from ml_platform.feedback.labeled import NAME as LABELED
from ml_platform.monitoring.activity import activity
from ml_platform.monitoring.checks import QualityBound, checks
from ml_platform.monitoring.columns import ColumnHealth, column_health
from ml_platform.monitoring.kpi import measure_kpi
from ml_platform.monitoring.page import report_html
from ml_platform.monitoring.report import MonitoringReport, stem
from ml_platform.plugins import Strict
from ml_platform.retraining.triggers import LiveQuality
from ml_platform.spec.load import Declaration

SAMPLE = 2_000


@dataclass(frozen=True)
class MonitorOutcome:
    """A judged report and its page; evidently is None where none was made.

    watched, certified: live and certified value of the metric that retraining watches.
    """

    report: MonitoringReport
    page: Path
    evidently: Path | None
    watched: LiveQuality | None = None
    certified: float | None = None


def monitor(
    declaration: Declaration,
    platform: Platform,
    *,
    begin: datetime,
    end: datetime,
    now: datetime,
) -> MonitorOutcome:
    """Report on the predictions answered from `begin` up to `end`, and judge them.

    Drift is judged on all rows; Evidently's page shows a sample. Safe to repeat.
    """
    name = declaration.spec.name
    window = Window(declaration, platform, begin, end)
    champion = platform.releases.state(name).champion
    training = None if champion is None else Training(declaration, platform, champion)
    counts = counted(platform, name, begin=begin, end=end, now=now)
    labeled = _labeled(platform, training, until=end)
    report = MonitoringReport(
        model=name,
        begin=begin,
        end=end,
        made=now,
        champion=champion,
        activity=activity(window.table(*OF_ACTIVITY)),
        **({} if training is None else _beside_training(window, training, platform)),
        traffic=counts.traffic,
        totals=counts.totals,
        quality=labeled.quality,
        estimate=_estimate(platform, name, until=end),
        not_estimated=why_not_estimated(declaration.spec.task) if declaration.spec.feedback else "",
        kpis=_kpis(declaration, labeled),
        **_cost(declaration, window),
    )
    bounds = _bounds(declaration, platform, _judged_version(report))
    found = checks(report, declaration.spec.monitoring, bounds=bounds)
    report = report.model_copy(update={"checks": found})
    outcome = _written(platform, report, _evidently(window, training, report))
    return replace(
        outcome,
        watched=_watched(declaration, report),
        certified=_certified(declaration, platform, champion),
    )


def _labeled(platform: Platform, training: Training | None, *, until: datetime) -> Labeled:
    """The latest matured window, judged once for as long as nothing about it changes."""
    if training is None:
        return Labeled()
    before = next(KeptReports(platform, training.declaration.spec.name).before(until), None)
    return training.latest_window(until=until, known=None if before is None else before.quality)


def _judged_version(report: MonitoringReport) -> int | None:
    """The version that the check of live quality is about."""
    most = None if report.quality is None else report.quality.most
    return report.champion if most is None else most.version


def _watched(declaration: Declaration, report: MonitoringReport) -> LiveQuality | None:
    """The metric that may start a retraining: of the champion, on the latest matured window.

    What another version did says nothing about the champion, and would have it trained anew for
    the faults of the one before.
    """
    asked, window = declaration.spec.retraining.on_quality, report.quality
    own = None if window is None else window.of(report.champion)
    if asked is None or window is None or own is None or own.evaluation is None:
        return None
    metric = own.evaluation.metrics[asked.metric]
    if metric.value is None or metric.interval is None:
        return None
    return LiveQuality(
        metric=asked.metric,
        value=metric.value,
        low=metric.interval[0],
        high=metric.interval[1],
        rows=metric.rows,
        window=window.begin.isoformat(),
        greater_is_better=metric.greater_is_better,
    )


def _certified(declaration: Declaration, platform: Platform, version: int | None) -> float | None:
    """What a version's certificate says of the metric that retraining watches."""
    watched = declaration.spec.retraining.on_quality
    if watched is None or version is None:
        return None
    run_id = platform.registry.get(declaration.spec.name, version).run_id
    text = platform.registry.read_artifact_text(run_id, certificate_file(version))
    return None if text is None else json.loads(text)["metrics"].get(watched.metric)


def _beside_training(window: Window, training: Training, platform: Platform) -> dict[str, Any]:
    """Inputs and predictions of the window beside those of training: fields of the report."""
    names = _compared(window)
    usual = usual_windows(training, platform, names)
    known = training_reference(training, platform, names)
    moved = prediction_drift(window, training.version, holdout=known.scores, usual=usual)
    compared = {name: known.columns[name] for name in window.sent(names)}
    return {"columns": tuple(_columns(window, compared, usual)), **moved}


def _compared(window: Window) -> list[str]:
    """The inputs that the log holds as they were asked: a hashed one compares with nothing."""
    spec = window.declaration.spec
    hashed = {n for n, c in spec.data.contract.columns.items() if c.sensitive}
    return [
        name
        for name in spec.data.contract.columns
        if f"{FEATURE}{name}" in window.known and name not in hashed
        if name not in (spec.data.id, spec.data.event_time, spec.data.target)
        if name not in spec.monitoring.ignore
    ]


def _columns(
    window: Window, reference: Mapping[str, Reference], usual: Mapping[str, UsualWindow]
) -> Iterator[ColumnHealth]:
    spec = window.declaration.spec
    for name, known in reference.items():
        yield column_health(
            known,
            window.feature(name),
            before=window.before.feature(name),
            test=spec.monitoring.drift,
            columns=len(reference),
            usual=usual.get(name, UNKNOWN),
            seed=spec.training.seed,
        )


class _Feedback(Strict, extra="ignore"):
    """What this module reads of the handle of `labeled_feedback`."""

    matured: tuple[AwareDatetime, AwareDatetime] | None
    estimate: PerformanceEstimate | None = None


def _estimate(platform: Platform, name: str, *, until: datetime) -> PerformanceEstimate | None:
    """What the scores of the latest predictions promise; None for a window judged since."""
    text = platform.handles.read(f"{name}/{LABELED}/latest.json")
    known = None if text is None else _Feedback.model_validate_json(text)
    if known is None or known.matured is None or known.matured[1] > until:
        return None
    return known.estimate


def _kpis(declaration: Declaration, labeled: Labeled) -> dict[str, float | None]:
    feedback = declaration.spec.feedback
    return {
        kpi.name: measure_kpi(kpi, labeled.rows, folder=declaration.folder)
        for kpi in (() if feedback is None else feedback.kpis)
    }


def _cost(declaration: Declaration, window: Window) -> dict[str, Any]:
    """What the window cost, and 1,000 predictions of it: fields of the report."""
    price = declaration.spec.serving.machine_hour_price
    cost = None if price is None else price * ((window.end - window.begin).total_seconds() / 3600)
    answered = window.answered
    return {"cost": cost, "cost_per_1000": cost / answered * 1000 if cost and answered else None}


def _bounds(
    declaration: Declaration, platform: Platform, version: int | None
) -> tuple[QualityBound, ...]:
    """What a version's live quality must reach: the gates' floors, and what retraining watches."""
    spec = declaration.spec
    bounds = [
        QualityBound(metric=key, bound=bound, why=f"gate {gate.check_name}")
        for gate in spec.gates
        if gate.type in ("minimum_metric", "maximum_metric")
        for key in gate.metric_keys
        for bound in [getattr(gate, "floor", getattr(gate, "ceiling", None))]
        if bound is not None
    ]
    watched = spec.retraining.on_quality
    if watched is not None and watched.floor is not None:
        bounds.append(QualityBound(metric=watched.metric, bound=watched.floor, why="declared"))
    if watched is not None and watched.max_drop is not None and version is not None:
        value = _certified(declaration, platform, version)
        metric = next(m for m in spec.metrics if m.key == watched.metric)
        if value is not None:
            drop = watched.max_drop if metric.greater_is_better else -watched.max_drop
            why = f"{value:.4g} on the certificate of version {version}"
            bounds.append(QualityBound(metric=watched.metric, bound=value - drop, why=why))
    return tuple(bounds)


def _evidently(
    window: Window, training: Training | None, report: MonitoringReport
) -> tuple[str, str] | None:
    """Evidently's page on a sample; made where the declaration asks for it now."""
    wanted = window.declaration.spec.monitoring.evidently
    if training is None or wanted == "never" or not window.answered:
        return None
    if wanted == "on_drift" and not report.moved:
        return None
    spec = window.declaration.spec
    names = [n for n in spec.data.contract.columns if f"{FEATURE}{n}" in window.known]
    names = [n for n in names if n not in (spec.data.id, spec.data.target, spec.data.event_time)]
    names = window.sent(names)
    html = evidently_html(
        pd.DataFrame({name: training.feature(name) for name in names}),
        pd.DataFrame({name: window.feature(name) for name in names}),
        task=spec.task,
        sample=SAMPLE,
        seed=spec.training.seed,
    )
    return "evidently.html", html


def _written(
    platform: Platform, report: MonitoringReport, evidently: tuple[str, str] | None
) -> MonitorOutcome:
    """Keep the report as JSON among the data and as a page among the reports."""
    name, settings = stem(report.begin), platform.settings
    pages = HandleStore(str(settings.reports))
    path = f"{report.model}/{FOLDER}/{name}"
    links: list[Link] = []
    if evidently is not None:
        pages.write(f"{path}-{evidently[0]}", evidently[1])
        links.append(Link("Evidently's report on a sample", f"{name}-{evidently[0]}"))
    pages.write(f"{path}.html", report_html(report, links=links))
    KeptReports(platform, report.model).keep(report)
    write_index(settings.reports, model=report.model)
    return MonitorOutcome(
        report=report,
        page=settings.reports / f"{path}.html",
        evidently=settings.reports / f"{path}-{evidently[0]}" if evidently else None,
    )
