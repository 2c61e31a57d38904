"""What came of a replay: what was answered, noticed, trained and released, and how good it was."""

from collections.abc import Sequence
from datetime import UTC, timedelta

import pyarrow.compute as pc
from pydantic import AwareDatetime

from ml_platform.component.platform import Platform
from ml_platform.data.page import Page, Section, Table, facts, page_html
from ml_platform.feedback.inference_table import SHADOW, InferenceTable
from ml_platform.feedback.labeled import LabeledTable
from ml_platform.plugins import Strict
from ml_platform.release.state import Action
from ml_platform.replay.faults import Fault
from ml_platform.replay.loop import Replay, Replayed
from ml_platform.replay.platform_day import Retraining
from ml_platform.replay.quality import MonthQuality
from ml_platform.spec.load import Declaration

TAKEN_OUT = frozenset(
    action.value for action in (Action.REJECT, Action.CUT_OUT, Action.HOLD, Action.ROLLBACK)
)
"""What the release does with a candidate that is harmful."""


class FaultNotice(Strict):
    """A fault that was put in. after: from its begin to the first finding; None: unnoticed."""

    fault: str
    begin: AwareDatetime
    after: timedelta | None
    by: str = ""


class Trained(Strict):
    """A training that the platform began."""

    at: AwareDatetime
    why: str
    version: int | None
    outcome: str


class Moved(Strict):
    """A step of a release."""

    at: AwareDatetime
    action: str
    version: int
    why: str


class ReplayReport(Strict):
    """A replay as JSON.

    acknowledged: predictions that were answered; logged: rows of the inference table.
    delivered: labels that were taken; labels: what became of them, by outcome.
    quiet_alarms: days outside of every fault with a failed check, of `quiet_days`.
    """

    model: str
    begin: AwareDatetime
    end: AwareDatetime
    seconds: float
    acknowledged: int
    logged: int
    delivered: int
    labels: dict[str, int]
    refused: dict[str, int]
    versions: dict[str, int]
    faults: tuple[FaultNotice, ...]
    quiet_days: int
    quiet_alarms: dict[str, int]
    retrainings: tuple[Trained, ...]
    releases: tuple[Moved, ...]
    metric: str
    months: tuple[MonthQuality, ...]

    @property
    def lost(self) -> int:
        """Acknowledged predictions and delivered labels that are nowhere."""
        return abs(self.acknowledged - self.logged) + abs(
            self.delivered - sum(self.labels.values())
        )


def report_of(
    declaration: Declaration,
    platform: Platform,
    replay: Replay,
    done: Replayed,
    *,
    months: Sequence[MonthQuality],
    metric: str,
) -> ReplayReport:
    """Put together what the stores say and what the client counted."""
    name, url = declaration.spec.name, platform.settings.data_url
    log = InferenceTable(url, name).read(columns=["role"])
    logged = int(pc.sum(pc.not_equal(log["role"], SHADOW)).as_py() or 0)
    quiet = _quiet(replay, done)
    moved = tuple(
        Moved(at=t.at, action=t.action.value, version=t.version, why=t.why)
        for t in platform.releases.history(name)
    )
    return ReplayReport(
        model=name,
        begin=replay.begin,
        end=replay.end,
        seconds=round(done.seconds, 1),
        acknowledged=done.tally.predictions,
        logged=logged,
        delivered=done.tally.labels,
        labels=LabeledTable(url, name).record().counts,
        refused=dict(done.tally.refused),
        versions=dict(done.tally.versions),
        faults=tuple(_noticed(fault, done, moved) for fault in replay.faults),
        quiet_days=quiet[0],
        quiet_alarms=quiet[1],
        retrainings=tuple(
            Trained(
                at=each.at,
                why=each.why,
                version=each.outcome.version,
                outcome=each.outcome.released or each.outcome.error or "released",
            )
            for each in done.retrainings
        ),
        releases=moved,
        metric=metric,
        months=tuple(months),
    )


def _noticed(fault: Fault, done: Replayed, moved: Sequence[Moved]) -> FaultNotice:
    """The first that the platform noticed of a fault, or did about it."""
    stopped = _stopped(fault, done.poisoned.get(fault.text), moved)
    if stopped is not None:
        return stopped
    for found in sorted(done.findings, key=lambda found: found.over):
        during = fault.begin < found.over and found.begin < fault.end
        if during and fault.shows_in(found.check, found.subjects):
            return FaultNotice(
                fault=fault.text,
                begin=fault.begin,
                after=found.over - fault.begin,
                by=f"{found.check}: {found.text}",
            )
    return FaultNotice(fault=fault.text, begin=fault.begin, after=None)


def _stopped(
    fault: Fault, poisoned: Retraining | None, moved: Sequence[Moved]
) -> FaultNotice | None:
    """A gate that blocked a poisoned candidate, or the release that took it out."""
    if poisoned is None:
        return None
    if poisoned.outcome.blocked:
        by = f"blocked by {', '.join(poisoned.outcome.blocked)}"
        return FaultNotice(fault=fault.text, begin=fault.begin, after=timedelta(0), by=by)
    for each in moved:
        if each.version == poisoned.outcome.version and each.action in TAKEN_OUT:
            after, by = each.at - fault.begin, f"{each.action}: {each.why}"
            return FaultNotice(fault=fault.text, begin=fault.begin, after=after, by=by)
    return None


def _quiet(replay: Replay, done: Replayed) -> tuple[int, dict[str, int]]:
    """Days without any fault, and on how many of them each check failed."""
    days = [
        replay.begin + timedelta(days=n)
        for n in range((replay.end - replay.begin).days)
        if not any(
            f.begin < replay.begin + timedelta(days=n + 1)
            and replay.begin + timedelta(days=n) < f.end
            for f in replay.faults
        )
    ]
    alarms: dict[str, int] = {}
    for found in done.findings:
        if found.begin in days:
            alarms[found.check] = alarms.get(found.check, 0) + 1
    return len(days), alarms


def report_page(report: ReplayReport) -> str:
    """Write the report as HTML."""
    lead = facts(
        {
            "Time": f"{report.begin:%Y-%m-%d} to {report.end:%Y-%m-%d}, in {report.seconds:,.0f} s",
            "Predictions": f"{report.acknowledged:,} acknowledged, {report.logged:,} logged",
            "Labels": f"{report.delivered:,} delivered: {_listed(report.labels)}",
            "Refused": _listed(report.refused) or "none",
            "Answered by version": _listed(report.versions),
            "Alarms on quiet days": f"{_listed(report.quiet_alarms) or 'none'}, "
            f"of {report.quiet_days} days",
        }
    )
    return page_html(
        Page(
            f"{report.model} replayed",
            [lead],
            [
                Section(f"{report.metric} by month", [_months(report)]),
                Section("Faults", [_faults(report)]),
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
        (f.fault, "unnoticed" if f.after is None else f"after {f.after}", f.by)
        for f in report.faults
    ]
    return Table(rows, head=("fault", "noticed", "by"))


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
