"""What came of a replay: what was answered, noticed, trained and released, and how good it was."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import pyarrow.compute as pc
from pydantic import AwareDatetime

from ml_platform.component.alert_checks import KINDS
from ml_platform.component.platform import Platform
from ml_platform.feedback.inference_table import SHADOW, InferenceTable
from ml_platform.feedback.labeled import LabeledTable
from ml_platform.monitoring.checks import CHECKS
from ml_platform.monitoring.incident_store import SqlIncidentStore
from ml_platform.monitoring.incidents import Incident
from ml_platform.plugins import Strict
from ml_platform.release.state import Action
from ml_platform.replay.faults import Fault
from ml_platform.replay.loop import Replay, Replayed
from ml_platform.replay.platform_day import WINDOWS, Retraining
from ml_platform.replay.quality import MonthQuality
from ml_platform.spec.load import Declaration

TAKEN_OUT = frozenset(
    action.value for action in (Action.REJECT, Action.CUT_OUT, Action.HOLD, Action.ROLLBACK)
)
"""What the release does with a candidate that is harmful."""


ALARMS = frozenset({*CHECKS, *KINDS.values(), "feedback"})
"""Kinds of incidents that say that production is not well; others tell what the platform did."""

MOST_ALERTS = 100_000


class FaultNotice(Strict):
    """A fault that was put in.

    after: from its begin to the first finding; None: unnoticed. told: to the message to the owner;
    None where there was none, as when its candidate was stopped by the release.
    """

    fault: str
    begin: AwareDatetime
    after: timedelta | None
    by: str = ""
    told: timedelta | None = None


class Alert(Strict):
    """An incident: one message to the owner, however long it lasts.

    told: when the owner is. fault: that it is about, as it was asked for; None where nothing was
    put in that shows so.
    """

    opened: AwareDatetime
    told: AwareDatetime
    closed: AwareDatetime | None
    kind: str
    subject: str
    severity: str
    text: str
    fault: str | None


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
    alerts: the incidents of which the owner is told; those about no fault are false alarms, or
    news of the platform's own doing. quiet_days: days without any fault.
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
    alerts: tuple[Alert, ...]
    retrainings: tuple[Trained, ...]
    releases: tuple[Moved, ...]
    metric: str
    months: tuple[MonthQuality, ...]

    @property
    def alarms(self) -> tuple[Alert, ...]:
        """What production was said to be unwell with, though no fault was put in."""
        return tuple(a for a in self.alerts if a.fault is None and a.kind in ALARMS)

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
    alerts = tuple(_alerts(platform, declaration, replay))
    log = InferenceTable(url, name).read(columns=["role"])
    logged = int(pc.sum(pc.not_equal(log["role"], SHADOW)).as_py() or 0)
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
        faults=tuple(
            _noticed(fault, declaration, done, moved).model_copy(
                update={"told": _told(fault, alerts)}
            )
            for fault in replay.faults
        ),
        quiet_days=_quiet_days(replay),
        alerts=alerts,
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


def _noticed(
    fault: Fault, declaration: Declaration, done: Replayed, moved: Sequence[Moved]
) -> FaultNotice:
    """The first that the platform noticed of a fault, or did about it."""
    stopped = _stopped(fault, done.poisoned.get(fault.text), moved)
    if stopped is not None:
        return stopped
    for found in sorted(done.findings, key=lambda found: found.over):
        during = fault.begin < found.over < fault.end + _patience(fault, declaration)
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


def _quiet_days(replay: Replay) -> int:
    """Days without any fault."""
    days = (replay.begin + timedelta(days=n) for n in range((replay.end - replay.begin).days))
    return sum(
        not any(f.begin < day + timedelta(days=1) and day < f.end for f in replay.faults)
        for day in days
    )


def _told(fault: Fault, alerts: Iterable[Alert]) -> timedelta | None:
    """How long after a fault began its owner is told of it."""
    about = [alert.told for alert in alerts if alert.fault == fault.text]
    return min(about) - fault.begin if about else None


def _alerts(platform: Platform, declaration: Declaration, replay: Replay) -> Iterator[Alert]:
    """What the owner is told, the first one first."""
    name = declaration.spec.name
    found = SqlIncidentStore(platform.settings.release_url).of(name, last=MOST_ALERTS)
    for incident in sorted(found, key=lambda incident: incident.opened):
        if incident.told is not None:
            yield _alert(incident, incident.told, declaration, replay)


def _alert(incident: Incident, told: datetime, declaration: Declaration, replay: Replay) -> Alert:
    check = str(incident.evidence.get("check", ""))
    return Alert(
        opened=incident.opened,
        told=told,
        closed=incident.closed,
        kind=incident.kind,
        subject=incident.subject,
        severity=incident.severity,
        text=incident.text,
        fault=next(
            (
                fault.text
                for fault in replay.faults
                if fault.begin <= incident.opened < fault.end + _patience(fault, declaration)
                and any(
                    fault.shows_in(name, (incident.subject,)) for name in (check, incident.kind)
                )
            ),
            None,
        ),
    )


def _patience(fault: Fault, declaration: Declaration) -> timedelta:
    """How long after its end a fault may show: until its last window, or labels, are judged."""
    spec = declaration.spec
    window = WINDOWS[spec.monitoring.partition]
    if spec.feedback is None or not fault.of_labels:
        return window
    return window + spec.feedback.label_delay + spec.feedback.window
