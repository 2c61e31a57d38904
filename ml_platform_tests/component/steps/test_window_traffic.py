"""A window has the requests that were counted when it was over, whenever its report is made."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_reports import KeptReports
from ml_platform.component.steps.window_traffic import Counted, counted
from ml_platform.monitoring.report import MonitoringReport
from ml_platform.release.evidence import Counts
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.counts_shipping import CountsShipper
from ml_platform.serving.worker_counts import WorkerCounts, write
from ml_platform.settings import Settings

DAY = timedelta(days=1)
MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
SOON = timedelta(minutes=10)


def asked(platform: Platform, requests: int, failed: int = 0) -> None:
    """What the one worker has counted by now."""
    found = Counts(requests=requests, errors={"raised": failed} if failed else {})
    folder = platform.settings.kept_counts("m")
    write(folder, "w1", WorkerCounts({("1", "champion"): found}))


def report(platform: Platform, begin: datetime, *, now: datetime) -> int | None:
    """Make the report of a day; its requests."""
    found: Counted = counted(platform, "m", begin=begin, end=begin + DAY, now=now)
    made = MonitoringReport(
        model="m", begin=begin, end=begin + DAY, made=now, champion=1, **found._asdict()
    )
    KeptReports(platform, "m").keep(made)
    return None if made.traffic is None else made.traffic.requests


def told(platform: Platform, worker: str, host: str, *, ago: timedelta = timedelta(0)) -> None:
    """A worker told of itself."""
    about = {"worker": worker, "host": host, "url": "", "revision": 1, "versions": (1,)}
    seen = {"model": "m", "seen_at": datetime.now(UTC) - ago}
    platform.releases.report_worker(WorkerReport.model_validate(about | seen))


@pytest.fixture(params=["file", "memory"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What all machines reach."""
    return {"file": f"file://{tmp_path}/shared", "memory": f"memory://{tmp_path}"}[request.param]


@pytest.fixture
def sharing(shared: str, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The machine that makes the reports."""
    monkeypatch.setenv("ML_PLATFORM_JOURNAL_URL", shared)
    return Platform(Settings.from_environment())


def counted_there(there: Path, worker: str, requests: int, *, url: str, ago: float = 0) -> None:
    """What a worker of another machine counted, and shipped."""
    found = WorkerCounts({("1", "champion"): Counts(requests=requests)}, at=time.time() - ago)
    write(there, worker, found)
    CountsShipper(there / f"{worker}.json", f"{url}/m/counts").close()


def test_counts_of_another_machine_come_along_and_each_worker_counts_once(
    sharing: Platform, shared: str, tmp_path: Path
) -> None:
    here, there = sharing.settings.kept_counts("m"), tmp_path / "there"
    asked(sharing, 100)
    CountsShipper(here / "w1.json", f"{shared}/m/counts").close()
    counted_there(there, "w2", 40, url=shared)
    told(sharing, "w1", "here")
    told(sharing, "w2", "there")
    found = counted(sharing, "m", begin=MONDAY, end=MONDAY + DAY, now=MONDAY + DAY + SOON)
    assert found.traffic is not None
    assert (found.traffic.requests, found.traffic.elsewhere) == (140, ())
    assert report(sharing, MONDAY, now=MONDAY + DAY + SOON) == 140
    asked(sharing, 110)
    counted_there(there, "w2", 55, url=shared)
    assert report(sharing, MONDAY + DAY, now=MONDAY + 2 * DAY + SOON) == 25


def test_copies_of_workers_that_ended_are_deleted_and_what_they_counted_is_not(
    sharing: Platform, shared: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counted_there(tmp_path / "there", "w2", 40, url=shared)
    assert report(sharing, MONDAY, now=MONDAY + DAY + SOON) == 40
    here, ended = sharing.settings.kept_counts("m"), time.time() - 8 * DAY.total_seconds()
    os.utime(here / "w2.json", (ended, ended))
    assert report(sharing, MONDAY + DAY, now=MONDAY + 2 * DAY + SOON) == 0
    assert [file.stem for file in here.glob("*.json")] == ["ended"]
    assert report(sharing, MONDAY + 2 * DAY, now=MONDAY + 3 * DAY + SOON) == 0
    assert caplog.records == []


def test_a_store_that_is_away_is_told_and_its_counts_are_those_of_the_next_window(
    sharing: Platform, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked, url = tmp_path / "away", f"file://{tmp_path}/away"
    away = Platform(sharing.settings.model_copy(update={"journal_url": url}))
    blocked.write_text("a file where the folder should be")
    asked(away, 100)
    counted_there(tmp_path / "there", "w2", 40, url=url)
    [logged] = caplog.records
    assert "cannot ship to" in logged.message
    told(away, "w1", "here")
    told(away, "w2", "there")
    first = counted(away, "m", begin=MONDAY, end=MONDAY + DAY, now=MONDAY + DAY + SOON)
    assert first.traffic is not None
    assert (first.traffic.requests, first.traffic.elsewhere) == (100, ("there",))
    report(away, MONDAY, now=MONDAY + DAY + SOON)
    blocked.unlink()
    counted_there(tmp_path / "there", "w2", 45, url=url)
    assert report(away, MONDAY + DAY, now=MONDAY + 2 * DAY + SOON) == 45


def test_a_report_is_made_where_the_store_cannot_be_asked(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    settings = platform.settings.model_copy(update={"journal_url": "nowhere://shared"})
    asked(platform, 100)
    assert report(Platform(settings), MONDAY, now=MONDAY + DAY + SOON) == 100
    [logged] = caplog.records
    assert "counts of other machines cannot be fetched from nowhere://" in logged.message


def test_a_machine_whose_counts_stopped_coming_is_named_and_one_that_ended_is_not(
    sharing: Platform, shared: str, tmp_path: Path
) -> None:
    half_an_hour = timedelta(minutes=30)
    for worker in ("w2", "w3"):
        ago = half_an_hour.total_seconds()
        counted_there(tmp_path / "there", worker, 40, url=shared, ago=ago)
    told(sharing, "w2", "cut-off")
    told(sharing, "w3", "ended", ago=half_an_hour)
    found = counted(sharing, "m", begin=MONDAY, end=MONDAY + DAY, now=MONDAY + DAY + SOON)
    assert found.traffic is not None
    assert (found.traffic.requests, found.traffic.elsewhere) == (80, ("cut-off",))


def test_a_report_made_again_keeps_the_traffic_it_had(platform: Platform) -> None:
    asked(platform, 100)
    assert report(platform, MONDAY, now=MONDAY + DAY + SOON) == 100
    asked(platform, 150, failed=40)
    assert report(platform, MONDAY + DAY, now=MONDAY + 2 * DAY + SOON) == 50
    asked(platform, 900, failed=800)
    assert report(platform, MONDAY, now=MONDAY + 5 * DAY) == 100
    assert report(platform, MONDAY + DAY, now=MONDAY + 2 * DAY + 2 * SOON) == 50


def test_a_backfilled_window_has_no_traffic_and_leaves_that_of_others_alone(
    platform: Platform,
) -> None:
    asked(platform, 100)
    assert report(platform, MONDAY, now=MONDAY + DAY + SOON) == 100
    asked(platform, 400, failed=300)
    now = MONDAY + 4 * DAY + SOON
    assert report(platform, MONDAY + DAY, now=now) is None
    assert report(platform, MONDAY - 9 * DAY, now=now) is None
    assert report(platform, MONDAY + 3 * DAY, now=now) == 300, "since the last that counted"


def test_hosts_whose_counts_are_not_here_are_named(platform: Platform) -> None:
    asked(platform, 100)
    told(platform, "w1", "here")
    told(platform, "w2", "there")
    told(platform, "w3", "there")
    found = counted(platform, "m", begin=MONDAY, end=MONDAY + DAY, now=MONDAY + DAY + SOON)
    assert found.traffic is not None
    assert found.traffic.elsewhere == ("there",)
    report(platform, MONDAY, now=MONDAY + DAY + SOON)
    told(platform, "w4", "beyond")
    again = counted(platform, "m", begin=MONDAY, end=MONDAY + DAY, now=MONDAY + 9 * DAY)
    assert again.traffic == found.traffic, "as it was when the window was over"


def test_files_of_workers_that_ended_are_forgotten_and_what_they_counted_is_not(
    platform: Platform,
) -> None:
    folder = platform.settings.kept_counts("m")
    asked(platform, 100)
    write(folder, "w0", WorkerCounts({("1", "champion"): Counts(requests=40)}))
    ended = time.time() - 8 * DAY.total_seconds()
    os.utime(folder / "w0.json", (ended, ended))
    assert report(platform, MONDAY, now=MONDAY + DAY + SOON) == 140
    assert {file.stem for file in folder.glob("*.json")} == {"ended", "w1"}
    asked(platform, 130)
    assert report(platform, MONDAY + DAY, now=MONDAY + 2 * DAY + SOON) == 30
