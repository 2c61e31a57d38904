"""Versions that answer as they are told, and a worker's parts around them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import StoreError
from ml_platform.release.memory import InMemoryReleaseStore
from ml_platform.release.plan import Plan
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.serving.counters import Counters
from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.known_state import KnownState
from ml_platform.serving.live.memory import Growth
from ml_platform.serving.live.scoring_mark import ScoringFile
from ml_platform.serving.live.shadow import Emit
from ml_platform.serving.live.shelf import Loaded, Shelf
from ml_platform.serving.live.state_cache import StateCache
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.records import RecordChecker
from ml_platform.serving.replies import Replies
from ml_platform.spec.serving import ServingSpec
from ml_platform.task import Task

MODEL = "delays"
COLUMNS = {
    "id": ColumnContract(dtype="string"),
    "x": ColumnContract(dtype="float64"),
    "kind": ColumnContract(dtype="category", nullable=True),
}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeModel:
    """Scores a record by its x, plus `shift`; `act` may do anything before."""

    act: Callable[[Mapping[str, Any]], float | None] = lambda record: None
    shift: float = 0.0
    task: Task = Task.BINARY
    classes: tuple[Any, ...] = (0, 1)
    threshold: float = 0.5

    def score_of_record(self, record: Mapping[str, Any]) -> float:
        told = self.act(record)
        return record["x"] + self.shift if told is None else told

    def scores_of_records(self, records: Sequence[Mapping[str, Any]]) -> Any:
        return np.array([self.score_of_record(record) for record in records])


def loaded(version: int, model: FakeModel | None = None, **changes: Any) -> Loaded:
    checker = RecordChecker(changes.pop("columns", COLUMNS), ["x", "kind"])
    given = {
        "version": version,
        "predictor": Predictor(model or FakeModel(), checker, version=str(version)),
        "serving": ServingSpec(candidate_timeout_ms=50, keep_warm="1h"),
        "key": "id",
        "about": {"model_version": str(version)},
        "census": lambda record, tally: None,
        "has_code": False,
    }
    return Loaded(**(given | changes))


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class AwayStore(InMemoryReleaseStore):
    """A store that can be away, or not answer until it is told to."""

    away = False

    def __init__(self) -> None:
        super().__init__()
        self.answers, self.asked = Event(), Event()
        self.answers.set()

    def revision(self, model: str) -> int:
        self._check()
        return super().revision(model)

    def state(self, model: str) -> ReleaseState:
        self._check()
        return super().state(model)

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        self._check()
        return super().append(transition, expected_revision=expected_revision)

    def _check(self) -> None:
        self.asked.set()
        self.answers.wait()
        if self.away:
            raise StoreError("the store is away")


@dataclass
class World:
    """One worker, its store, and the versions that it may load."""

    folder: Path
    store: AwayStore = field(default_factory=AwayStore)
    versions: dict[int, Loaded | Exception] = field(default_factory=dict)
    time: Time = field(default_factory=Time)
    counters: Counters = field(default_factory=Counters)
    emit: Emit | None = None
    resident: int = 0
    now: datetime = NOW

    def follower(self, worker: str = "w1") -> FollowedRelease:
        cache = StateCache(self.folder / "state.json")
        known = KnownState(MODEL, self.store, cache, monotonic=self.time)
        return FollowedRelease(
            known,
            Shelf(self.load, monotonic=self.time),
            self.counters,
            worker=worker,
            emit=self.emit,
            now=lambda: self.now,
            growth=lambda: Growth(lambda: self.resident),
            scoring=ScoringFile(self.folder / "scoring", worker),
        )

    def load(self, version: int) -> Loaded:
        found = self.versions[version]
        if isinstance(found, Exception):
            raise found
        return found

    def move(self, action: Action, version: int, plan: Plan | None = None) -> ReleaseState:
        revision = self.store.revision(MODEL)
        transition = Transition(
            model=MODEL, revision=revision + 1, action=action, version=version, at=NOW,
            who="test", why="test", plan=plan,
        )  # fmt: skip
        return self.store.append(transition, expected_revision=revision)

    def replies(self, live: Any) -> Replies:
        return Replies(live, about=lambda: {"model": MODEL}, counters=self.counters)
