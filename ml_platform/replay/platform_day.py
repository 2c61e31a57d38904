"""What the platform does by itself, driven in simulated time instead of by its daemon's sensors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import numpy as np

from ml_platform.component.alert_findings import Cursor, Moment, Scope
from ml_platform.component.alerts import take_in_news
from ml_platform.component.feedback import IN_TIME, join_now
from ml_platform.component.monitoring import report_now
from ml_platform.component.monitoring_sensor import FORMATS
from ml_platform.component.platform import Platform
from ml_platform.component.production import ingest_now
from ml_platform.component.retraining import decide, request_of, training_runs
from ml_platform.component.run import RunOutcome, run_model
from ml_platform.component.steps.advance import Progress, advance
from ml_platform.data.sources.parquet import ParquetSource
from ml_platform.feedback.audit import CHECK as BIAS_AUDIT
from ml_platform.monitoring.delivery import Recipient
from ml_platform.replay.faults import PoisonedCandidate
from ml_platform.retraining.plan import Start
from ml_platform.spec.load import Declaration


@dataclass(frozen=True)
class Retraining:
    """A training that the platform began: why, and what came of it."""

    at: datetime
    why: str
    outcome: RunOutcome


@dataclass(frozen=True)
class Found:
    """Something the platform noticed: of the window from `begin`, when it was over.

    check: that failed, of the monitoring report or of the feedback. subjects: the columns it is
    about.
    """

    begin: datetime
    over: datetime
    check: str
    text: str
    subjects: tuple[str, ...] = ()


class PlatformDay:
    """The platform's own work for one model, in one process.

    What the sensors would start is started here, by the same decisions; a test with a real daemon
    shows that the sensors do.
    """

    def __init__(
        self, declaration: Declaration, platform: Platform, instance: dg.DagsterInstance
    ) -> None:
        self.declaration = declaration
        self.platform = platform
        self.instance = instance
        self.retrainings: list[Retraining] = []
        self.findings: list[Found] = []
        self.poisoned: dict[str, Retraining] = {}
        self._releases = Progress()
        self._started: set[str] = set()
        self._news = Cursor.parse(None, instance)

    def ingest(self, *, now: datetime) -> None:
        """Move what the service logged into the tables."""
        ingest_now(self.declaration, self.platform, instance=self.instance, now=now)

    def advance(self, *, now: datetime) -> None:
        """Move a release that is under way by its evidence."""
        self._releases = advance(self.platform, since=self._releases, now=now).progress

    def join(self, *, since: datetime, now: datetime) -> None:
        """Join the labels that came, and audit them; what is wrong with them is a finding."""
        if self.declaration.spec.feedback is None:
            return
        outcome = join_now(self.declaration, self.platform, instance=self.instance, now=now)
        state = outcome.state
        audited = state.audit.result
        wrong = [(IN_TIME, text) for text in state.late]
        wrong += [(BIAS_AUDIT, audited.reason)] if audited.verdict == "failed" else []
        self.findings += [Found(since, now, check, text) for check, text in wrong]

    def report(self, begin: datetime, *, over: datetime) -> None:
        """Report on the window from `begin` until it was over."""
        partition = begin.strftime(FORMATS[self.declaration.spec.monitoring.partition])
        outcome = report_now(
            self.declaration,
            self.platform,
            instance=self.instance,
            partition=partition,
            now=over,
        )
        self.findings += [
            Found(begin, over, check.name, check.text, tuple(check.subjects))
            for check in outcome.report.checks
            if not check.passed
        ]

    def alert(self, *, now: datetime) -> None:
        """Open and close incidents; the owner, to whom this is no production, is sent nothing."""
        spec = self.declaration.spec
        nobody = spec.alerts.model_copy(update={"urls": (), "escalate_to": ()})
        self._news = take_in_news(
            self.instance,
            self.platform,
            self._news,
            Scope([spec.name]),
            {spec.name: Recipient(spec.owner, nobody)},
            send=lambda *_: (),
            at=Moment(now, now),
        ).cursor

    def retrain(self, *, now: datetime, told: Callable[[str], None]) -> None:
        """Train again where something asks for it and the budget allows it."""
        runs = training_runs(self.instance)
        for decided in decide([self.declaration], self.platform, runs, now=now):
            if not isinstance(decided, Start) or decided.run_key in self._started:
                continue
            self._started.add(decided.run_key)
            told(f"retraining: {decided.why}")
            tags: Mapping[str, Any] = request_of(decided, now=now).tags
            outcome = run_model(self.declaration, instance=self.instance, tags=tags)
            self.retrainings.append(Retraining(now, decided.why, outcome))

    def train_poisoned(
        self, fault: PoisonedCandidate, *, seed: int, now: datetime, told: Callable[[str], None]
    ) -> None:
        """Do what somebody does who trains on rows with wrong labels, and releases the outcome."""
        told(f"a candidate is trained on wrong labels: {fault.text}")
        spec, file = self.declaration.spec, self.platform.settings.home / "poisoned.parquet"
        rows = spec.data.source.read(folder=self.declaration.folder)
        labels = fault.poison(rows[spec.data.target], np.random.default_rng(seed))
        rows.assign(**{spec.data.target: labels}).to_parquet(file)
        data = spec.data.model_copy(update={"source": ParquetSource(path=str(file))})
        poisoned = Declaration(spec.model_copy(update={"data": data}), self.declaration.file)
        outcome = run_model(poisoned, instance=self.instance)
        self.poisoned[fault.text] = Retraining(now, fault.text, outcome)


WINDOWS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1)}
"""How much time a report covers."""
