"""Past rows as production: a real service answers them, labels come, the platform does the rest."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.instance import open_instance
from ml_platform.component.platform import Platform
from ml_platform.component.run import run_model
from ml_platform.data.sources.python import PythonSource
from ml_platform.exceptions import ReplayError
from ml_platform.replay.client import Client, Tally
from ml_platform.replay.faults import AT, DUE, LABEL, Fault, PoisonedCandidate
from ml_platform.replay.platform_day import WINDOWS, Found, PlatformDay, Retraining
from ml_platform.replay.timeline import Labels, Step, Timeline
from ml_platform.serving.client_records import client_records
from ml_platform.serving.live_process import LiveServiceProcess
from ml_platform.settings import ROWS_BEFORE, Settings
from ml_platform.spec.load import Declaration

AT_ONCE = 64
"""Rows that are asked at one simulated time."""


@dataclass(frozen=True)
class Replay:
    """What is replayed, and how.

    begin, end: UTC; the rows of the source with their event time in between.
    labels: how they come in. faults: what goes wrong upstream.
    every: simulated time between two looks at what is due. speed: simulated seconds a second of
    the machine; None is as fast as it goes.
    """

    begin: datetime
    end: datetime
    labels: Labels
    faults: tuple[Fault, ...] = ()
    every: timedelta = timedelta(hours=6)
    speed: float | None = None
    seed: int = 0
    connections: int = 4


@dataclass
class Replayed:
    """What happened.

    tally: of the client. answers: by prediction id the score that was answered. timeline: what
    was replayed, with the truth. retrainings, findings: of the platform. poisoned: what came of
    each poisoned candidate, by its fault's text. seconds: it took.
    """

    timeline: Timeline
    tally: Tally
    retrainings: list[Retraining]
    findings: list[Found]
    poisoned: dict[str, Retraining]
    answers: dict[str, float] = field(default_factory=dict[str, float])
    seconds: float = 0.0


Told = Callable[[datetime, str], None]


def home_of(settings: Settings, model: str, replay: Replay) -> Path:
    """Where a replay keeps its own stores: production's are never touched."""
    return settings.home / "replays" / f"{model}-{replay.begin:%Y%m%d}-{replay.end:%Y%m%d}"


@contextmanager
def simulated(home: Path, *, start: datetime) -> Iterator[tuple[Settings, SimulatedClock]]:
    """Give settings of a home of its own, and its clock, to this process and those it starts.

    Rows of a source from `start` on have not happened yet: they come as feedback.
    """
    file = home / "clock"
    simulated_clock = SimulatedClock.create(file, start=start)
    changed = {
        "ML_PLATFORM_HOME": str(home),
        VARIABLE: str(file),
        ROWS_BEFORE: start.isoformat(),
    }
    moved = ("DATA", "MLFLOW", "ARTIFACTS", "RELEASE", "JOURNAL", "DAGSTER")
    left_out = [*(f"ML_PLATFORM_{name}_URL" for name in moved), "DAGSTER_HOME"]
    before = {name: os.environ.get(name) for name in (*changed, *left_out)}
    os.environ.update(changed)
    for name in left_out:
        os.environ.pop(name, None)
    try:
        yield Settings.from_environment(), simulated_clock
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_replay(
    declaration: Declaration,
    settings: Settings,
    clock: SimulatedClock,
    replay: Replay,
    *,
    told: Told,
    daemon: bool = False,
) -> Replayed:
    """Train a first version as of `begin`, then let the rows happen to it.

    daemon: whether Dagster's daemon runs on this home and does the platform's work; without it,
    the work is done here, between the steps, and the history of its runs is kept in memory.
    Raises ReplayError when the model cannot be replayed or its first training is blocked.
    """
    _check(declaration)
    begun = time.monotonic()
    timeline = timeline_of(declaration, replay)
    platform = Platform(settings)
    with open_instance(settings) if daemon else dg.DagsterInstance.ephemeral() as instance:
        if platform.releases.state(declaration.spec.name).champion is None:
            told(replay.begin, "training the first version")
            first = run_model(declaration, instance=instance)
            if not first.success:
                raise ReplayError(f"the first version is not released: {first.error}")
        day = None if daemon else PlatformDay(declaration, platform, instance)
        with LiveServiceProcess(declaration.spec.name, settings, private=True) as service:
            client = Client(service.url, connections=replay.connections)
            driver = _Driver(declaration, replay, clock, client, day, told)
            try:
                driver.run(timeline)
            finally:
                client.close()
    done = driver.replayed
    done.seconds = time.monotonic() - begun
    return done


def timeline_of(declaration: Declaration, replay: Replay) -> Timeline:
    """The rows of the source in the time of the replay.

    A source that is a function with the parameters `start` and `end` is asked for that time.
    """
    data = declaration.spec.data
    source = data.source
    if isinstance(source, PythonSource) and {"start", "end"} <= source.params.keys():
        span = {"start": f"{replay.begin:%Y-%m-%d}", "end": f"{replay.end:%Y-%m-%d}"}
        source = source.model_copy(update={"params": {**source.params, **span}})
    assert data.event_time is not None
    return Timeline(
        source.read(folder=declaration.folder),
        event_time=data.event_time,
        target=data.target,
        begin=replay.begin,
        end=replay.end,
        labels=replay.labels,
        faults=replay.faults,
        seed=replay.seed,
    )


def _check(declaration: Declaration) -> None:
    data = declaration.spec.data
    if data.event_time is None or data.id is None:
        raise ReplayError(
            f"{declaration.spec.name} cannot be replayed: data.event_time says when a row "
            "happened and data.id which prediction its label belongs to; declare both"
        )


class _Driver:
    """Lets the steps happen one after another."""

    def __init__(
        self,
        declaration: Declaration,
        replay: Replay,
        clock: SimulatedClock,
        client: Client,
        day: PlatformDay | None,
        told: Told,
    ) -> None:
        data = declaration.spec.data
        self._columns = [name for name in data.contract.columns if name != data.target]
        self._id = data.id or ""
        self._declaration, self._replay = declaration, replay
        self._clock, self._client, self._day, self._told = clock, client, day, told
        self._reported = replay.begin
        self._started = time.monotonic()
        self.replayed: Replayed

    def run(self, timeline: Timeline) -> None:
        """Ask, tell, and let the platform work, step by step."""
        retrainings = self._day.retrainings if self._day else []
        findings = self._day.findings if self._day else []
        poisoned = self._day.poisoned if self._day else {}
        self.replayed = Replayed(timeline, self._client.tally, retrainings, findings, poisoned)
        for step in timeline.steps(self._replay.every):
            self._keep_pace(step.now)
            self._ask(step)
            self._clock.set(step.now.timestamp())
            self._tell(step.labeled)
            if self._day is not None:
                self._work(self._day, step.now)
            self._told(step.now, f"{self._client.tally.predictions:,} predictions")
        if self._day is not None:
            self._finish(self._day)

    def _ask(self, step: Step) -> None:
        for start in range(0, len(step.asked), AT_ONCE):
            rows = step.asked.iloc[start : start + AT_ONCE]
            self._clock.set(rows[AT].iloc[-1].timestamp())
            ids = rows[self._id].astype(str).tolist()
            records = [
                {**record, "prediction_id": prediction_id}
                for record, prediction_id in zip(
                    client_records(rows, self._columns), ids, strict=True
                )
            ]
            for prediction_id, answer in zip(ids, self._client.predict(records), strict=True):
                if answer is not None:
                    self.replayed.answers[prediction_id] = _score(answer)

    def _tell(self, labeled: pd.DataFrame) -> None:
        labels: list[Mapping[str, Any]] = [
            {
                "prediction_id": str(row[self._id]),
                "label": row[LABEL],
                "observed_at": row[DUE].isoformat(),
                "source": "replay",
            }
            for row in _plain(labeled[[self._id, LABEL, DUE]])
        ]
        self._client.tell(labels)

    def _work(self, day: PlatformDay, now: datetime) -> None:
        """What the sensors would have started by now."""
        day.advance(now=now)
        for fault in self._poisons(now):
            day.train_poisoned(
                fault, seed=self._replay.seed, now=now, told=lambda text: self._told(now, text)
            )
        length = WINDOWS[self._declaration.spec.monitoring.partition]
        since = self._reported
        if now < since + length:
            return
        day.ingest(now=now)
        day.join(since=since, now=now)
        while self._reported + length <= now:
            day.report(self._reported, over=now)
            self._reported += length
        day.retrain(now=now, told=lambda text: self._told(now, text))
        day.alert(now=now)

    def _poisons(self, now: datetime) -> list[PoisonedCandidate]:
        """The poisoned candidates whose time has come since the last look."""
        due = (f for f in self._replay.faults if now - self._replay.every < f.begin <= now)
        return [fault for fault in due if isinstance(fault, PoisonedCandidate)]

    def _finish(self, day: PlatformDay) -> None:
        now = datetime.fromtimestamp(self._clock(), UTC)
        day.ingest(now=now)
        day.join(since=self._reported, now=now)
        day.alert(now=now)

    def _keep_pace(self, now: datetime) -> None:
        if self._replay.speed is None:
            return
        due = (now - self._replay.begin).total_seconds() / self._replay.speed
        time.sleep(max(0.0, self._started + due - time.monotonic()))


def _score(answer: Mapping[str, Any]) -> float:
    value = answer.get("probability", answer["prediction"])
    return float(value)


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with Python's own scalars, which JSON can write."""
    return [
        {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in rows.to_dict("records")
    ]
