"""Days of the small model as production: a real service, and the platform's own work."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.handles import SplitRows
from ml_platform.component.platform import Platform
from ml_platform.component.steps.train import ROWS_TAG
from ml_platform.exceptions import ReplayError
from ml_platform.replay import loop
from ml_platform.replay.client import Tally
from ml_platform.replay.faults import parse_fault
from ml_platform.replay.loop import Replay, simulated
from ml_platform.replay.timeline import Labels
from ml_platform.replay.whole import replay_and_report
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed, small_credit

BEGIN = datetime(2024, 2, 3, tzinfo=UTC)
DAY = timedelta(days=1)
LOOP = """\
  feedback: {label_delay: 6h, window: 1d, audit: {min_rows: 10}}
  retraining: {min_new_labels: 30, cooldown: 5d}
  monitoring: {start: 2024-01-01, min_rows: 10, evidently: never}
  gates:
    - {type: no_regression, metric: roc_auc, tolerance: 0.1, on_inconclusive: warn}
"""


@pytest.fixture
def looped(tmp_path: Path) -> Declaration:
    return changed(small_credit(tmp_path / "small_credit"), "  gates:\n", LOOP)


def days(number: int = 4, **more: object) -> Replay:
    known = {"labels": Labels(timedelta(hours=6), missing=0.05), "every": timedelta(hours=12)}
    return Replay(begin=BEGIN, end=BEGIN + number * DAY, **(known | more))  # type: ignore[arg-type]


@pytest.mark.slow
def test_nothing_is_lost_faults_are_noticed_and_the_model_is_trained_again(
    looped: Declaration, tmp_path: Path
) -> None:
    faults = ("unit:income:12@2024-02-05..2024-02-06", "poison:0.5@2024-02-04..2024-02-05")
    said: list[str] = []
    report, page = replay_and_report(
        looped,
        tmp_path / "home",
        days(faults=tuple(map(parse_fault, faults))),
        told=lambda now, text: said.append(f"{now:%m-%d} {text}"),
    )
    assert report.acknowledged == report.logged == 4 * 24 - sum(report.refused.values()) > 90
    assert report.delivered == sum(report.labels.values()) > 80
    assert report.lost == 0
    unit, poison = report.faults
    assert (unit.after, unit.by.partition(":")[0]) == (DAY, "input_drift")
    assert (poison.after, poison.by) == (timedelta(0), "blocked by minimum_metric_roc_auc")
    assert report.quiet_days == 2
    told = {alert.fault: alert for alert in reversed(report.alerts)}
    assert (told[unit.fault].kind, told[unit.fault].subject) == ("drift", "income")
    assert told[unit.fault].opened >= unit.begin + DAY
    assert unit.told == told[unit.fault].told - unit.begin
    assert told[poison.fault].kind == "blocked_gate"
    assert "matured labels are new" in report.retrainings[0].why
    before = (BEGIN - datetime(2024, 1, 1, tzinfo=UTC)) // timedelta(hours=1)
    first, *others = rows_of_versions(tmp_path / "home")
    assert first == before
    assert before + 30 <= max(others) <= before + report.labels["joined"]
    assert report.releases[0].action == "promote_direct"
    assert [m.month for m in report.months] == ["2024-02"]
    assert 0.5 < (report.months[0].first or 0) <= 1
    assert json.loads(page.with_suffix(".json").read_text("utf-8"))["model"] == "small_credit"
    assert "small_credit replayed" in page.read_text("utf-8")
    assert said[0] == "02-03 training the first version"


def rows_of_versions(home: Path) -> list[int]:
    """How many rows each version was made from, the first version first."""
    platform = Platform(Settings.from_environment({"ML_PLATFORM_HOME": str(home)}))
    divided = [
        SplitRows.model_validate_json(version.tags[ROWS_TAG])
        for version in reversed(platform.registry.versions("small_credit"))
    ]
    return [rows.training + rows.holdout + rows.left_out for rows in divided]


def test_a_replay_has_stores_and_a_clock_of_its_own_and_leaves_the_environment_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_RELEASE_URL", "postgresql://production")
    monkeypatch.delenv(VARIABLE, raising=False)
    before = dict(os.environ)
    with simulated(tmp_path / "home", start=BEGIN) as (settings, clock):
        assert settings.release_url == f"sqlite:///{tmp_path}/home/release.db"
        assert clock() == BEGIN.timestamp()
    assert dict(os.environ) == before


class Machine:
    """Its clock, on which nothing takes time but sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return 1_000.0 + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.parametrize(("speed", "slept"), [(3600.0, [12.0] * 8), (None, [])])
def test_speed_is_simulated_seconds_a_second(
    looped: Declaration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    speed: float | None,
    slept: list[float],
) -> None:
    machine = Machine()
    monkeypatch.setattr(loop, "time", machine)
    asked = days(speed=speed, labels=Labels(timedelta(0)))
    clock = SimulatedClock.create(tmp_path / "clock", start=BEGIN)
    client = SimpleNamespace(
        tally=Tally(), tell=lambda labels: None, predict=lambda records: [None] * len(records)
    )
    driver = loop._Driver(looped, asked, clock, client, None, lambda *_: None)  # type: ignore[arg-type]
    driver.run(loop.timeline_of(looped, asked))
    assert machine.slept == slept


def test_a_model_without_event_time_and_id_cannot_be_replayed(
    looped: Declaration, tmp_path: Path
) -> None:
    data = looped.spec.data.model_copy(update={"id": None})
    nameless = Declaration(looped.spec.model_copy(update={"data": data}), looped.file)
    with pytest.raises(ReplayError, match=r"declare both"):
        replay_and_report(nameless, tmp_path / "home", days(), told=lambda *_: None)
