"""The report of a replay as HTML."""

from datetime import UTC

from ml_platform.data.page import Page, Section, Table, facts, page_html
from ml_platform.replay.report import ReplayReport


def report_page(report: ReplayReport) -> str:
    """Write the report as HTML."""
    lead = facts(
        {
            "Time": f"{report.begin:%Y-%m-%d} to {report.end:%Y-%m-%d}, in {report.seconds:,.0f} s",
            "Predictions": f"{report.acknowledged:,} acknowledged, {report.logged:,} logged",
            "Labels": f"{report.delivered:,} delivered: {_listed(report.labels)}",
            "Refused": _listed(report.refused) or "none",
            "Answered by version": _listed(report.versions),
            "False alarms": f"{len(report.alarms)}, on {report.quiet_days} days without a fault",
        }
    )
    return page_html(
        Page(
            f"{report.model} replayed",
            [lead],
            [
                Section(f"{report.metric} by month", [_months(report)]),
                Section("Faults", [_faults(report)]),
                Section("Alerts", [_alerts(report)]),
                Section("Retrainings", [_retrainings(report)]),
                Section("Releases", [_releases(report)]),
            ],
        )
    )


def _months(report: ReplayReport) -> Table:
    rows = [
        (m.month, f"{m.rows:,}", *(_value(v) for v in (m.platform, m.first, m.monthly)))
        for m in report.months
    ]
    head = ("month", "rows", "the platform", "first version for ever", "trained each month")
    return Table(rows, head=head)


def _faults(report: ReplayReport) -> Table:
    rows = [
        (
            f.fault,
            "unnoticed" if f.after is None else f"after {f.after}",
            "" if f.told is None else f"after {f.told}",
            f.by,
        )
        for f in report.faults
    ]
    return Table(rows, head=("fault", "noticed", "told", "by"))


def _alerts(report: ReplayReport) -> Table:
    rows = [
        (
            f"{a.opened:%Y-%m-%d %H:%M}",
            "open" if a.closed is None else str(a.closed - a.opened),
            " ".join(filter(None, (a.kind, a.subject))),
            a.fault or "",
            a.text,
        )
        for a in report.alerts
    ]
    return Table(rows, head=("opened", "lasted", "about", "fault", "what was told"))


def _retrainings(report: ReplayReport) -> Table:
    rows = [
        (f"{t.at:%Y-%m-%d %H:%M}", str(t.version or ""), t.outcome, t.why)
        for t in report.retrainings
    ]
    return Table(rows, head=("when", "version", "outcome", "why"))


def _releases(report: ReplayReport) -> Table:
    rows = [
        (f"{m.at.astimezone(UTC):%Y-%m-%d %H:%M}", m.action, str(m.version), m.why)
        for m in report.releases
    ]
    return Table(rows, head=("when", "action", "version", "why"))


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))
