"""The report of a window as a page for people."""

from collections.abc import Iterator, Mapping, Sequence

from ml_platform.data.page import Link, Page, Section, Table, facts, page_html
from ml_platform.evaluation.report import Evaluation
from ml_platform.feedback.estimate import PerformanceEstimate
from ml_platform.monitoring.check import Check
from ml_platform.monitoring.pictures import pictures
from ml_platform.monitoring.report import LiveWindow, MonitoringReport
from ml_platform.monitoring.traffic import Traffic


def report_html(report: MonitoringReport, *, links: Sequence[Link] = ()) -> str:
    """Write the report with its checks; links stand below the title."""
    span = f"{report.begin:%Y-%m-%d %H:%M} to {report.end:%Y-%m-%d %H:%M} UTC"
    lead = facts(
        {
            "Window": span,
            "Champion": str(report.champion or "none"),
            "Predictions": f"{report.predictions:,}",
            "Requests": _requests(report),
            "Cost of 1,000 predictions": _number(report.cost_per_1000),
            **{f"Figure {name}": _number(value) for name, value in report.kpis.items()},
        }
    )
    drawn = pictures(report)
    sections = [
        Section("Checks", [_checks(report.checks)]),
        Section("Versions", [_versions(report)]),
        *([Section("Traffic", [_traffic(report, report.traffic)])] if report.traffic else []),
        Section("Inputs", [_inputs(report)]),
        *([Section("Beside training", list(drawn.values()))] if drawn else []),
        *([] if report.quality is None else _quality(report.quality)),
        *(
            [Section("Estimate before the labels", _estimate(report.estimate))]
            if report.estimate
            else []
        ),
        *(
            [Section("Estimate before the labels", [report.not_estimated])]
            if report.not_estimated
            else []
        ),
    ]
    return page_html(Page(f"{report.model} in production", [lead, *links], sections))


def _checks(found: Sequence[Check]) -> Table:
    rows = [(check.verdict, check.name, check.severity, check.text) for check in found]
    return Table(rows, head=("verdict", "check", "severity", "what was found"))


def _versions(report: MonitoringReport) -> Table:
    rows = [
        (
            str(a.version),
            a.role,
            f"{a.predictions:,}",
            _number(a.mean_score) or "",
            _number(a.mean_ms) or "",
            _number(a.p95_ms) or "",
            _number(a.p99_ms) or "",
        )
        for a in report.activity
    ]
    head = ("version", "role", "predictions", "mean score", "mean ms", "p95 ms", "p99 ms")
    return Table(rows, head=head)


def _requests(report: MonitoringReport) -> str:
    if report.traffic is None:
        return "unknown: nobody counted when the window was over"
    since = f"{report.traffic.requests:,} since the last report that counted"
    return f"{since}{report.traffic.lacking}"


def _traffic(report: MonitoringReport, traffic: Traffic) -> Table:
    rows = [
        (
            part.version,
            part.role,
            f"{part.requests:,}",
            _by_kind(part.errors),
            _by_kind(part.refusals),
            _number(part.mean_ms) or "",
            _number(report.cost_of(part)) or "",
        )
        for part in traffic.versions
    ]
    head = ("version", "role", "requests", "errors", "refusals", "mean ms", "cost")
    return Table(rows, head=head)


def _by_kind(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {number:,}" for kind, number in sorted(counted.items()))


def _inputs(report: MonitoringReport) -> Table:
    rows = [
        (
            c.column,
            c.drift.verdict,
            c.drift.text,
            c.since_before.verdict if c.since_before else "",
            f"{c.nulls:.1%} ({c.nulls_in_training:.1%})",
            f"{c.unseen:.1%} {', '.join(c.unseen_examples)}" if c.unseen else "",
        )
        for c in report.columns
    ]
    head = ("column", "verdict", "against training", "since the window before")
    return Table(rows, head=(*head, "null (in training)", "never seen"))


def _quality(window: LiveWindow) -> Iterator[Section]:
    """A section for each version and role, who answered most first."""
    span = f"{window.begin:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    if not window.versions:
        yield Section("Quality on matured labels", [window.reason])
    for each in window.versions:
        about = f"{each.labeled:,} labeled predictions from {span}"
        found = each.reason if each.evaluation is None else _by_slice(each.evaluation)
        yield Section(f"Quality on matured labels: {each.who}", [about, found])


def _by_slice(evaluation: Evaluation) -> Table:
    rows = [
        (f"{row['column']} = {row['slice']}" if row["column"] else "all", row["key"], *_value(row))
        for row in evaluation.table()
    ]
    return Table(rows, head=("slice", "metric", "value", "interval", "rows"))


def _estimate(found: PerformanceEstimate) -> list[Table]:
    rows = [
        (key, _number(each.value) or "", f"{each.low:.4g} to {each.high:.4g}")
        for key, each in found.metrics.items()
    ]
    about = f"{found.method} of {found.rows:,} predictions: {found.caution}"
    return [Table(rows, head=("metric", "estimated", "interval")), Table([(about,)])]


def _value(row: dict[str, object]) -> tuple[str, str, str]:
    if row["value"] is None:
        return (str(row["reason"]), "", str(row["rows"]))
    ends = "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}"
    return (f"{row['value']:.4g}", ends, str(row["rows"]))


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"
