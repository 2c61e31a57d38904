"""Every sensor over a thousand declared models: what a tick reads, not how long it takes."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from ml_platform.component import inference_logs, jobs, monitoring_sensor, releases, retraining
from ml_platform.component.feedback import LabeledFeedback, feedback_jobs
from ml_platform.component.feedback_sensor import feedback_sensor
from ml_platform.component.handles import TrainedModel, ValidatedData
from ml_platform.component.monitoring import ReportHandle
from ml_platform.component.platform import Platform, PlatformResource
from ml_platform.data.snapshots import Snapshot
from ml_platform.feedback.audit import Audit
from ml_platform.feedback.maturity import Window
from ml_platform.feedback.teaching import Teaching
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.release import rows, tables
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.release.state import replay as replayed
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform.testing.releases import transition
from ml_platform_tests.component.running import changed, small_credit

MODELS = 1_000
OPEN = 50
"""Models whose release is under way."""

FEW = 5
"""Files and statements of a tick that are the same ones whatever the number of models."""

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
DECLARED = """\
  feedback: {label_delay: 1h, window: 1d}
  retraining: {min_new_labels: 100, on_drift: true, on_new_data: true}
  gates:
    - {type: no_regression, metric: roc_auc, tolerance: 0.1}
"""
CANARY = Plan(steps=(Step(stage=Stage.CANARY, percent=5, min_predictions=10**9),))


@dataclass(frozen=True)
class Home:
    """A thousand declarations, and what their assets and services left."""

    declarations: Sequence[Declaration]
    platform: Platform

    @property
    def models(self) -> list[str]:
        return [each.spec.name for each in self.declarations]

    def jobs(self, job: Callable[[Declaration], Any]) -> list[Any]:
        return [job(each) for each in self.declarations]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("thousand")
    one = changed(small_credit(folder / "small_credit"), "  gates:\n", DECLARED)
    names = [f"model_{number:04d}" for number in range(MODELS)]
    copies = [replace(one, spec=one.spec.model_copy(update={"name": name})) for name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("ML_PLATFORM_HOME", str(folder / "home"))
        home = Home(copies, Platform(Settings.from_environment()))
        leave_files(home)
        leave_releases(home)
        yield home


@pytest.fixture(autouse=True)
def settings(home: Home, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The shared home in place of an empty one."""
    monkeypatch.setenv("ML_PLATFORM_HOME", str(home.platform.settings.home))
    return home.platform.settings


def leave_files(home: Home) -> None:
    """Logs of two tables, handles, and a closed segment; each file is the same for all."""
    settings, handles = home.platform.settings, Path(home.platform.handles.url)
    texts = {handle.asset: handle.model_dump_json() for handle in left(labels_after=-DAY)}
    for model in home.models:
        for table in ("inference_log", "labels_received"):
            put(Path(settings.data_url) / model / table / "_delta_log" / f"{0:020d}.json", "")
        for asset, content in texts.items():
            put(handles / model / asset / "latest.json", content)
        put(settings.journal / model / "w" / "00000000000001-ab.seg", "")


def put(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def left(*, labels_after: timedelta) -> Iterator[Any]:
    """The latest handles of a model whose last labels are of so long after its training."""
    snapshot = Snapshot(table="t", version=1, content_hash="0" * 64, rows=1000, columns=("a",))
    passed = GateResult(verdict="passed", reason="it holds")
    record = GateRecord(check="contract", gate={"type": "contract"}, result=passed, blocks=False)
    trained = NOW - 3 * DAY
    start = trained + labels_after
    window = Window(
        start=start, end=start + DAY, matures_at=start + DAY, predicted=900, labeled=900,
        state="matured",
    )  # fmt: skip
    yield ValidatedData(snapshot=snapshot, quarantine=None, contract=record)
    yield TrainedModel(
        version=1, run_id="0" * 32, fingerprint="0" * 64, snapshot=snapshot, reused=False,
        asked_at=trained, through=trained,
    )  # fmt: skip
    yield LabeledFeedback(
        table="t", version=1, counts={"joined": 900}, audit=Audit(result=passed, trainable="all"),
        teaching=Teaching(labels={start: 900}), matured=(start, start + DAY), windows=(window,),
        delay=None,
    )  # fmt: skip
    yield ReportHandle(model="m", begin=NOW - DAY, end=NOW)


def leave_releases(home: Home) -> None:
    """A champion of each model, and a canary of some, in one transaction."""
    store = home.platform.releases
    store.models()  # makes the tables
    with create_engine(home.platform.settings.release_url).begin() as connection:
        for number, model in enumerate(home.models):
            done = [transition(model, 1, 1)]
            if number < OPEN:
                opened = transition(model, 2, 2, Action.OPEN)
                done.append(opened.model_copy(update={"plan": CANARY}))
            connection.execute(text(tables.INSERT), [rows.transition_row(each) for each in done])
            connection.execute(text(tables.PUT_STATE), rows.state_row(replayed(model, done)))


class Ticks:
    """Ticks of a sensor, each with the cursor of the one before."""

    def __init__(self, sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> None:
        self.sensor, self.instance, self.cursor = sensor, instance, ""

    def tick(self) -> list[dg.RunRequest]:
        """One tick, without the repository: nothing of it may resolve a job."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"platform": PlatformResource()},
        ) as context:
            found = self.sensor.evaluate_tick(context)
        self.cursor = found.cursor or ""
        return list(found.run_requests or [])


@contextmanager
def touched(home: Home) -> Iterator[Counter[str]]:
    """How often files of the home are opened, looked for and listed."""
    below, found = str(home.platform.settings.home), Counter[str]()

    def counted(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
            if str(path).startswith(below) and not str(path).endswith((".db", "-wal", ".lock")):
                found[what] += 1
            return function(path, *args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", counted("open", open))
        patch.setattr("io.open", counted("open", open))
        patch.setattr(os, "stat", counted("look", os.stat))
        patch.setattr(os, "scandir", counted("list", os.scandir))
        patch.setattr(os, "listdir", counted("list", os.listdir))
        yield found


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is read from the release store."""
    asked: list[str] = []

    def ask(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT") and "release_" in statement:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", ask)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", ask)


def test_inference_logs_lists_each_folder_once_and_opens_no_segment(
    home: Home, instance: dg.DagsterInstance
) -> None:
    sensor = inference_logs.inference_logs(home.jobs(jobs.ingest_job), home.declarations)
    ticks = Ticks(sensor, instance)
    with touched(home) as found:
        assert len(ticks.tick()) == MODELS
    assert found["open"] == 0
    assert found["list"] <= 2 * MODELS + FEW
    assert ticks.tick() == []


def test_monitoring_looks_for_one_folder_a_model_and_resolves_no_partition(
    home: Home, instance: dg.DagsterInstance
) -> None:
    sensor = monitoring_sensor.monitoring_sensor(home.jobs(jobs.monitoring_job), home.declarations)
    ticks = Ticks(sensor, instance)
    with touched(home) as found:
        requests = ticks.tick()
    assert len(requests) == MODELS
    assert all(request.has_resolved_partition() for request in requests)
    assert found.keys() == {"look"}
    assert found["look"] <= MODELS + FEW
    with touched(home) as found:
        assert ticks.tick() == []
    assert found["look"] <= FEW


def test_feedback_looks_for_one_commit_a_table_and_opens_none(
    home: Home, instance: dg.DagsterInstance
) -> None:
    joins = [job for each in home.declarations for job in feedback_jobs(each)]
    ticks = Ticks(feedback_sensor(home.declarations, joins), instance)
    with touched(home) as found:
        assert len(ticks.tick()) == MODELS
    assert found["open"] == 0
    with touched(home) as found:
        assert ticks.tick() == []
    assert found.keys() == {"look"}
    assert found["look"] <= 2 * MODELS + FEW, "the commit after the one seen, of two tables"


def test_retraining_reads_four_handles_a_model_and_runs_once(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = retraining.retraining_sensor(home.jobs(jobs.model_job), home.declarations)
    ticks, asked = Ticks(sensor, instance), list[object]()
    records = dg.DagsterInstance.get_run_records

    def counted(self: dg.DagsterInstance, *args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        return records(self, *args, **kwargs)

    monkeypatch.setattr(dg.DagsterInstance, "get_run_records", counted)
    with touched(home) as found:
        assert ticks.tick() == []
    assert 4 * MODELS <= found["open"] <= 4 * MODELS + FEW
    assert found["list"] == 0
    assert len(asked) == 1
    name = home.models[MODELS // 2]
    for handle in left(labels_after=DAY):
        home.platform.handles.write(f"{name}/{handle.asset}/latest.json", handle.model_dump_json())
    [request] = ticks.tick()
    assert request.job_name == f"{name}_release"
    assert [each.run_key for each in ticks.tick()] == [request.run_key]


def test_releases_reads_all_of_them_in_a_few_statements(
    home: Home, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(releases.releases_sensor(), instance)
    seen = {name: state.revision for name, state in home.platform.releases.states().items()}
    ticks.cursor = releases.Cursor(seen=seen).model_dump_json()
    with statements() as first:
        assert ticks.tick() == []
    with statements() as steady:
        assert ticks.tick() == []
    assert 0 < len(first) <= FEW
    assert steady == first
    assert all(home.platform.releases.state(name).candidate == 2 for name in home.models[:2])
