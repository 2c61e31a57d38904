"""A home with models in every situation that the status page shows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_platform.data.handles import HandleStore
from ml_platform.drift.column import ColumnDrift
from ml_platform.evaluation.report import Evaluation, MetricValue
from ml_platform.monitoring.activity import Activity
from ml_platform.monitoring.checks import checks
from ml_platform.monitoring.columns import ColumnHealth
from ml_platform.monitoring.heartbeat import beat
from ml_platform.monitoring.incident_store import SqlIncidentStore
from ml_platform.monitoring.incidents import Finding, Incident
from ml_platform.monitoring.report import LiveWindow, MonitoringReport, VersionQuality
from ml_platform.monitoring.traffic import Traffic
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition
from ml_platform.release.store import SqlReleaseStore
from ml_platform.release.worker import WorkerReport
from ml_platform.retraining.budget import RECENT, RecentRuns, TrainingRun
from ml_platform.serving.http.keys import new_key
from ml_platform.settings import Settings
from ml_platform.spec.monitoring import MonitoringSpec
from ml_platform.task import Task
from ml_platform_tests.spec.declarations import VALID, write

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CANARY = Plan(steps=(Step(stage=Stage.CANARY, percent=5, min_predictions=100),))
APPROVAL = Plan(steps=(Step(stage=Stage.APPROVAL), *CANARY.steps))

DRIFTED = {
    "column": "amount",
    "test": "population_stability",
    "verdict": "drifted",
    "value": 0.41,
    "low": 0.38,
    "high": 0.44,
    "threshold": 0.2,
    "rows": (5_000, 4_800),
}
HEALTH = {"column": "amount", "rows": 4_800, "nulls": 0.01, "nulls_in_training": 0.01}
ACTIVITY = {
    "version": 2,
    "role": "champion",
    "predictions": 4_800,
    "mean_score": 0.2,
    "stdev_score": 0.1,
    "distinct_scores": 900,
    "missing_scores": 0,
    "mean_ms": 0.3,
    "p95_ms": 0.52,
    "p99_ms": 0.8,
    "random_share": 0.0,
}


class World:
    """shop: canary, drift, a report; credit: waits for approval; churn: never released."""

    def __init__(self, settings: Settings, models: Path) -> None:
        self.settings, self.models = settings, models
        self.releases = SqlReleaseStore(settings.release_url)
        self.handles = HandleStore(f"{settings.data_url}/handles")
        for name in ("shop", "credit", "churn"):
            self.declare(name)
        for name, plan in (("shop", CANARY), ("credit", APPROVAL)):
            self.move(name, 1, Action.PROMOTE_DIRECT)
            self.move(name, 2, Action.PROMOTE_DIRECT)
            self.move(name, 3, Action.OPEN, plan)
        self.report("shop")
        self.incident("shop", "drift", "amount", "amount drifted: PSI 0.41 [0.38, 0.44]")
        because = {"credit": "its own budget: 4 of 4 runs in 24 hours are spent"}
        waiting = {"at": NOON.isoformat(), "because": because}
        self.handles.write("retraining/waiting.json", json.dumps(waiting))
        self.trained("credit", *(NOON - each * HOUR for each in (40, 22, 6, 5, 4)))
        beat(settings.home, now=datetime.now(UTC))

    def trained(self, model: str, *begun: datetime) -> None:
        """Trainings by the platform, of half an hour each."""
        runs = [
            TrainingRun(model=model, run_id=str(place), started=at, finished=at + HOUR / 2)
            for place, at in enumerate(begun)
        ]
        self.handles.write(RECENT, RecentRuns(at=NOON, runs=tuple(runs)).model_dump_json())

    def declare(self, name: str) -> None:
        write(self.models / name, VALID.replace("name: shop", f"name: {name}"))

    def move(self, model: str, version: int, action: Action, plan: Plan | None = None) -> None:
        revision = self.releases.revision(model) + 1
        transition = Transition(
            model=model,
            revision=revision,
            action=action,
            version=version,
            at=NOON - 9 * DAY + revision * DAY,
            who="run 1",
            why="certified",
            plan=plan,
        )
        self.releases.append(transition, expected_revision=revision - 1)

    def incident(
        self, model: str, kind: str, subject: str, text: str, severity: str = "warning"
    ) -> Incident:
        finding = Finding.model_validate(
            {
                "model": model,
                "kind": kind,
                "subject": subject,
                "ok": False,
                "severity": severity,
                "text": text,
                "at": NOON - DAY / 2,
            }
        )
        incident = Incident.open_for(finding)
        SqlIncidentStore(self.settings.release_url).put([incident])
        return incident

    def report(self, model: str, **changes: Any) -> None:
        auc = MetricValue(key="roc_auc", value=0.81, low=0.79, high=0.83, rows=4_000)
        drift = ColumnDrift.model_validate(DRIFTED)
        column = ColumnHealth.model_validate({**HEALTH, "drift": drift})
        report = MonitoringReport(
            model=model,
            begin=NOON - DAY,
            end=NOON,
            made=NOON,
            champion=2,
            activity=(Activity.model_validate(ACTIVITY),),
            columns=(column,),
            traffic=Traffic(requests=5_000),
            quality=LiveWindow(
                begin=NOON - 2 * DAY,
                end=NOON - DAY,
                predictions=4_100,
                labeled=4_000,
                versions=(
                    VersionQuality(
                        version=2,
                        role="champion",
                        labeled=4_000,
                        evaluation=Evaluation(
                            task=Task.BINARY,
                            rows=4_000,
                            metrics={"roc_auc": auc},
                            confidence=0.95,
                            rounds=200,
                            seed=7,
                        ),
                    ),
                ),
            ),
            cost_per_1000=0.0042,
        ).model_copy(update=changes)
        report = report.model_copy(update={"checks": checks(report, MonitoringSpec())})
        stem = f"{report.begin:%Y-%m-%dT%H%M}"
        texts = HandleStore(f"{self.settings.data_url}/monitoring")
        texts.write(f"{model}/{stem}.json", report.model_dump_json())
        handle = {"model": model, "begin": report.begin.isoformat(), "end": report.end.isoformat()}
        self.handles.write(f"{model}/monitoring_report/latest.json", json.dumps(handle))

    def worker(self, model: str, url: str) -> None:
        """A worker of a service that serves whatever comes."""
        self.releases.report_worker(
            WorkerReport(
                model=model,
                worker="w1",
                host="h",
                url=url,
                revision=99,
                versions=(2,),
                seen_at=datetime.now(UTC) + timedelta(seconds=2),
            )
        )

    def key(self) -> str:
        return new_key(self.settings.home / "api_keys", "ada")
