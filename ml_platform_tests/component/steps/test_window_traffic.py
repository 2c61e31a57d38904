"""A window has the requests that were counted when it was over, whenever its report is made."""

import os
import time
from datetime import UTC, datetime, timedelta

from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_reports import KeptReports
from ml_platform.component.steps.window_traffic import Counted, counted
from ml_platform.monitoring.report import MonitoringReport
from ml_platform.release.evidence import Counts
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.worker_counts import WorkerCounts, write

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
    def told(worker: str, host: str) -> None:
        about = {"worker": worker, "host": host, "url": "", "revision": 1, "versions": (1,)}
        seen = {"model": "m", "seen_at": datetime.now(UTC)}
        platform.releases.report_worker(WorkerReport.model_validate(about | seen))

    asked(platform, 100)
    told("w1", "here")
    told("w2", "there")
    told("w3", "there")
    found = counted(platform, "m", begin=MONDAY, end=MONDAY + DAY, now=MONDAY + DAY + SOON)
    assert found.traffic is not None
    assert found.traffic.elsewhere == ("there",)
    report(platform, MONDAY, now=MONDAY + DAY + SOON)
    told("w4", "beyond")
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
