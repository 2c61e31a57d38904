"""What in a report is not as it should be."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from ml_platform.drift.column import ColumnDrift
from ml_platform.evaluation.report import MetricValue
from ml_platform.monitoring.check import Check
from ml_platform.monitoring.report import MonitoringReport
from ml_platform.monitoring.traffic import SHADOW, Traffic
from ml_platform.plugins import Strict
from ml_platform.spec.monitoring import CheckName, MonitoringSpec, Severity


class QualityBound(Strict):
    """The worst value of a live metric that is accepted. why: where the bound comes from."""

    metric: str
    bound: float
    why: str


def checks(
    report: MonitoringReport, spec: MonitoringSpec, *, bounds: tuple[QualityBound, ...] = ()
) -> tuple[Check, ...]:
    """Judge a report; every check comes every time, so that its history has no holes.

    bounds: of live quality, from the declaration.
    """
    return tuple(_checks(report, spec, bounds))


CHECKS: tuple[CheckName, ...] = get_args(CheckName)
"""Names of all checks, in their order."""

MOST_COLUMNS = 5
"""Columns that one report finds wrong and that are described and told one by one."""

PLOTTED_COLUMNS = 50
"""Columns whose nulls, and values never seen, plot over time."""

_CRITICAL = frozenset({"predictions", "errors", "live_quality"})


def _checks(
    report: MonitoringReport, spec: MonitoringSpec, bounds: tuple[QualityBound, ...]
) -> Iterator[Check]:
    parts = (
        _predictions(report),
        _input_drift(report, spec),
        _prediction_drift(report, spec),
        _data_quality(report, spec),
        _share("refusals", report.traffic, spec.max_refused),
        _share("errors", report.traffic, spec.max_errors),
        _latency(report, spec),
        _live_quality(report, bounds),
    )
    for name, part in zip(CHECKS, parts, strict=True):
        usual: Severity = "critical" if name in _CRITICAL else "warning"
        severity = spec.severity.get(name, usual)
        usually = {"rows": report.predictions, "version": report.champion}
        yield Check.model_validate({"name": name, "severity": severity, **usually, **part})


Part = dict[str, Any]


def _predictions(report: MonitoringReport) -> Part:
    answered = [a for a in report.activity if a.role != SHADOW]
    missing = sum(a.missing_scores for a in answered)
    constant = [a.version for a in answered if a.is_constant]
    if missing:
        return _bad(f"{missing:,} of {report.predictions:,} predictions are no number")
    if constant:
        text = f"version {constant[0]} answers the same to everything"
        return _bad(text) | {"version": constant[0]}
    if not answered:
        return _unclear("nothing was predicted")
    return _good(f"{report.predictions:,} predictions", predictions=float(report.predictions))


def _input_drift(report: MonitoringReport, spec: MonitoringSpec) -> Part:
    moved = [column.drift for column in report.columns if column.drift.verdict == "drifted"]
    figures = {f"drift_{c.column}": c.drift.value or 0.0 for c in report.columns}
    figures |= _since_before(c.since_before for c in report.columns)
    if report.predictions < spec.min_rows:
        return _too_few(report, spec)
    if moved:
        worst = sorted(moved, key=lambda drift: -(drift.value or 0.0))
        subjects = tuple(drift.column for drift in worst)
        return {**_bad(_listed([d.text for d in worst])), "figures": figures} | {
            "subjects": subjects
        }
    return _good(f"none of {len(report.columns)} inputs moved", **figures)


def _prediction_drift(report: MonitoringReport, spec: MonitoringSpec) -> Part:
    found = [drift for drift in (report.scores, report.confidence) if drift is not None]
    if report.predictions < spec.min_rows:
        return _too_few(report, spec)
    if not found:
        return _unclear("there is no holdout to compare predictions with")
    figures = {f"drift_{drift.column}": drift.value or 0.0 for drift in found}
    figures |= _since_before((report.scores_before, report.confidence_before))
    moved = [drift for drift in found if drift.verdict == "drifted"]
    if moved:
        subjects = tuple(drift.column for drift in moved)
        bad = _bad("; ".join(drift.text for drift in moved))
        return {**bad, "figures": figures, "subjects": subjects}
    return _good("predictions are distributed as on the holdout", **figures)


def _since_before(drifts: Iterable[ColumnDrift | None]) -> dict[str, float]:
    """How far each moved since the window before; what cannot be measured is left out."""
    return {
        f"drift_before/{drift.column}": drift.value
        for drift in drifts
        if drift is not None and drift.value is not None
    }


def _data_quality(report: MonitoringReport, spec: MonitoringSpec) -> Part:
    if report.predictions < spec.min_rows:
        return _too_few(report, spec)
    wrong: dict[str, str] = {}
    for column in report.columns:
        name = column.column
        most = max(column.nulls_in_training + spec.max_nulls, column.usual_nulls or 0.0)
        if column.nulls > most:
            was = f"was {column.nulls_in_training:.1%} in training"
            wrong[name] = f"{name} is null in {column.nulls:.1%}, {was}"
        elif column.unseen is not None and column.unseen > spec.max_unseen:
            values = ", ".join(column.unseen_examples)
            wrong[name] = f"{column.unseen:.1%} of {name} are values never seen: {values}"
        elif column.constant:
            wrong[name] = f"{name} holds one value only"
    figures = _quality_figures(report)
    if wrong:
        bad = _bad(_listed(list(wrong.values())))
        return {**bad, "figures": figures, "subjects": tuple(wrong)}
    return _good("inputs are as complete as in training", **figures)


def _quality_figures(report: MonitoringReport) -> dict[str, float]:
    """Shares of nulls, and in text of values never seen, of the columns that are worst off."""
    emptier = sorted(report.columns, key=lambda c: c.nulls_in_training - c.nulls)
    unseen = {c.column: c.unseen for c in report.columns if c.unseen is not None}
    newer = sorted(unseen, key=lambda name: -unseen[name])
    return {
        **{f"nulls/{column.column}": column.nulls for column in emptier[:PLOTTED_COLUMNS]},
        **{f"unseen/{name}": unseen[name] for name in newer[:PLOTTED_COLUMNS]},
    }


def _share(name: str, traffic: Traffic | None, most: float) -> Part:
    if traffic is None:
        return _unclear("requests were not counted when the window was over") | {"rows": 0}
    share = traffic.refused_share if name == "refusals" else traffic.error_share
    if share is None:
        text = f"nothing was asked since the last report{traffic.lacking}"
        return _unclear(text) | {"rows": 0}
    kinds = traffic.refusals if name == "refusals" else traffic.errors
    by_kind = ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items(), key=lambda k: -k[1]))
    text = f"{share:.2%} of {traffic.requests:,} requests" + (f" ({by_kind})" if by_kind else "")
    text += traffic.lacking
    part = _bad(f"{text}, {most:.2%} is allowed") if share > most else _good(text)
    return part | {"rows": traffic.requests, "figures": {name: share}}


def _latency(report: MonitoringReport, spec: MonitoringSpec) -> Part:
    timed = [a for a in report.activity if a.role != SHADOW and a.p95_ms is not None]
    if not timed:
        return _unclear("nothing was timed")
    slowest = max(timed, key=lambda a: a.p95_ms or 0.0)
    worst = slowest.p95_ms or 0.0
    text = f"version {slowest.version} takes {worst:.3g} ms at the 95th percentile"
    slow = spec.max_p95_ms is not None and worst > spec.max_p95_ms
    part = _bad(f"{text}, {spec.max_p95_ms:g} ms is allowed") if slow else _good(text)
    return part | {"version": slowest.version, "figures": {"p95_ms": worst}}


def _live_quality(report: MonitoringReport, bounds: tuple[QualityBound, ...]) -> Part:
    """Who answered most is judged: a metric is bad when its whole interval is worse than the bound.

    After a promotion that is the version before, for as long as its labels mature.
    """
    window = report.quality
    most = None if window is None else window.most
    if window is None or most is None or most.evaluation is None:
        why = window.why_unknown if window else "no window has matured"
        told = "; ".join(text for text in (why, report.not_estimated) if text)
        return _unclear(told) | {"rows": 0}
    metrics = most.evaluation.metrics
    figures = {f"live_{key}": value for key, value in most.evaluation.values().items()}
    wrong = [
        f"{metric.key} is {metric.text}, worse than {bound.bound:g} ({bound.why})"
        for bound in bounds
        for metric in [metrics.get(bound.metric)]
        if metric is not None and is_worse(metric, bound.bound)
    ]
    span = f"{window.begin:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}"
    about = f"{most.who}, window {span}"
    rest = {"rows": most.labeled, "version": most.version, "figures": figures}
    if wrong:
        return _bad(f"{'; '.join(wrong)}; {about}") | rest
    shown = ", ".join(f"{metric.key} {metric.text}" for metric in metrics.values())
    return _good(f"{shown}; {about}") | rest


def is_worse(metric: MetricValue, bound: float) -> bool:
    """Tell whether even the best end of the interval is worse than a bound."""
    if metric.value is None:
        return False
    best = metric.high if metric.greater_is_better else metric.low
    best = metric.value if best is None else best
    return best < bound if metric.greater_is_better else best > bound


def _too_few(report: MonitoringReport, spec: MonitoringSpec) -> Part:
    return _unclear(f"{report.predictions:,} predictions; {spec.min_rows:,} are asked for")


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_COLUMNS
    return "; ".join([*texts[:MOST_COLUMNS], *([f"{more} more"] if more > 0 else [])])


def _good(text: str, **figures: float) -> Part:
    return {"verdict": "passed", "text": text, "figures": figures}


def _bad(text: str) -> Part:
    return {"verdict": "failed", "text": text}


def _unclear(text: str) -> Part:
    return {"verdict": "unclear", "text": text}
