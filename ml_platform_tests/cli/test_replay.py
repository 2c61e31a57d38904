"""The command `replay`: that every option arrives, and what it refuses before anything starts."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.replay import whole
from ml_platform.replay.faults import parse_fault
from ml_platform.replay.loop import Replay
from ml_platform.replay.quality import MonthQuality
from ml_platform.replay.report import FaultNotice, ReplayReport
from ml_platform.replay.timeline import Labels
from ml_platform_tests.component.running import changed, small_credit

BEGIN, END = datetime(2024, 2, 3, tzinfo=UTC), datetime(2024, 2, 20, tzinfo=UTC)
FAULTS = ("nulls:income:0.3@2024-02-05..2024-02-06", "flip:0.5@2024-02-06..2024-02-07")
MONTH = MonthQuality(month="2024-02", rows=90, platform=0.75, first=0.7, monthly=None)
REPORT = ReplayReport(
    model="small_credit",
    begin=BEGIN,
    end=END,
    seconds=12.0,
    acknowledged=1234,
    logged=1233,
    delivered=90,
    labels={"joined": 90},
    refused={},
    versions={"1": 1234},
    faults=(
        FaultNotice(fault=FAULTS[0], begin=BEGIN, after=timedelta(days=1), by="drift: income"),
        FaultNotice(fault=FAULTS[1], begin=BEGIN, after=None),
    ),
    quiet_days=2,
    alerts=(),
    retrainings=(),
    releases=(),
    metric="roc_auc",
    months=(MONTH,),
)


@dataclass
class Replays:
    """What was asked for, in which homes."""

    home: Path
    asked: list[Replay] = field(default_factory=list)
    homes: list[Path] = field(default_factory=list)

    def __call__(
        self, declaration: Any, home: Path, asked: Replay, *, told: Callable[[datetime, str], None]
    ) -> tuple[ReplayReport, Path]:
        self.asked.append(asked)
        self.homes.append(home)
        told(BEGIN, "training the first version")
        for day in range(14):
            told(BEGIN + timedelta(days=day), f"{day} predictions")
        home.mkdir(parents=True)
        return REPORT, home / "replay.html"

    @property
    def own(self) -> Path:
        return self.home / "replays" / "small_credit-20240203-20240220"


@pytest.fixture
def replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replays:
    """The small model with feedback, and a replay that does nothing."""
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(tmp_path / "models"))
    feedback = "  feedback: {label_delay: 6h}\n  gates:\n"
    changed(small_credit(tmp_path / "models" / "small_credit"), "  gates:\n", feedback)
    replays = Replays(tmp_path / "home")
    monkeypatch.setattr(whole, "replay_and_report", replays)
    return replays


def replay(*more: str, begin: str = "2024-02-03", end: str = "2024-02-20") -> Result:
    return CliRunner().invoke(
        main, ["replay", "small_credit", f"--from={begin}", f"--to={end}", *more]
    )


def test_what_is_not_given_is_as_declared_or_as_the_help_says(replays: Replays) -> None:
    result = replay()
    assert result.exit_code == ExitCode.OK, result.stderr
    labels = Labels(timedelta(hours=6), missing=0.02, wrong=0.005)
    assert replays.asked == [Replay(BEGIN, END, labels, every=timedelta(hours=6), speed=None)]
    assert replays.homes == [replays.own]


def test_every_option_arrives(replays: Replays) -> None:
    faults = [f"--corrupt={fault}" for fault in FAULTS]
    rest = ("--speed=3600", "--label-delay=1d12h", "--missing=0.1", "--wrong=0", "--every=90m")
    result = replay(*rest, "--seed=7", *faults, begin="2024-02-03T06:30")
    assert result.exit_code == ExitCode.OK, result.stderr
    assert replays.asked == [
        Replay(
            begin=datetime(2024, 2, 3, 6, 30, tzinfo=UTC),
            end=END,
            labels=Labels(timedelta(days=1, hours=12), missing=0.1, wrong=0.0),
            faults=tuple(map(parse_fault, FAULTS)),
            every=timedelta(minutes=90),
            speed=3600.0,
            seed=7,
        )
    ]


def test_report_is_a_summary_or_json_and_progress_a_line_a_week(replays: Replays) -> None:
    result = replay()
    assert result.stdout.splitlines() == [
        "small_credit: 1,234 predictions and 90 labels in 12 s; 1 lost",
        "0 retrainings, 0 steps of releases",
        f"fault {FAULTS[0]}: noticed after 1 day, 0:00:00 by drift: income",
        f"fault {FAULTS[1]}: unnoticed",
        "2024-02  roc_auc of platform, first, monthly: 0.7500, 0.7000, -",
        f"report: {replays.own / 'replay.html'}",
    ]
    assert result.stderr.splitlines() == [
        "2024-02-03 00:00  training the first version",
        "2024-02-10 00:00  7 predictions",
    ]
    assert json.loads(replay("--fresh", "--json").stdout)["acknowledged"] == 1234


def test_an_earlier_replay_is_forgotten_only_where_that_is_asked_for(replays: Replays) -> None:
    assert replay().exit_code == ExitCode.OK
    (replays.own / "kept").touch()
    again = replay()
    assert again.exit_code == ExitCode.FAILED
    assert again.stderr == f"error: {replays.own} holds an earlier replay; --fresh forgets it\n"
    assert (replays.own / "kept").exists()
    assert replay("--fresh").exit_code == ExitCode.OK
    assert not (replays.own / "kept").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--speed=0", "0 is no speed; valid: max, 1, 3600"),
        ("--speed=-1", "-1 is no speed"),
        ("--speed=nan", "nan is no speed"),
        ("--speed=fast", "'fast' is not a valid float"),
        ("--every=0s", "'0s' is no time at all"),
        ("--label-delay=soon", "'soon' is not a duration"),
        ("--missing=2", "2.0 is not in the range 0<=x<=1"),
        ("--wrong=-0.1", "-0.1 is not in the range 0<=x<=1"),
        ("--corrupt=storm@2024-02-05..2024-02-06", "is no fault (valid: unit:COLUMN:FACTOR"),
        ("--to=2024-02-03", "--to 2024-02-03T00:00 is not after --from 2024-02-03T00:00"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(
    replays: Replays, option: str, said: str
) -> None:
    result = replay(option)
    assert result.exit_code == ExitCode.USAGE
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert said in error
    assert replays.asked == []


def test_a_model_without_feedback_needs_the_delay_of_its_labels(
    replays: Replays, tmp_path: Path
) -> None:
    file = tmp_path / "models" / "small_credit" / "defs.yaml"
    file.write_text(file.read_text("utf-8").replace("  feedback: {label_delay: 6h}\n", ""))
    result = replay()
    assert result.exit_code == ExitCode.FAILED
    assert "declares no feedback.label_delay; give --label-delay, such as 1d" in result.stderr
    assert replay("--label-delay=0s").exit_code == ExitCode.OK
    assert replays.asked[0].labels.delay == timedelta(0)
