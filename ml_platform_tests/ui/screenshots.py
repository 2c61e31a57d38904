"""Take the pictures of docs/images: the real model, as the real UI shows it."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ml_platform_tests.cli.status_page.browsing import save_picture as save_status_page
from ml_platform_tests.serving.docs_page import save_picture
from ml_platform_tests.ui.browser import MISSING, Browser, installed, open_browser
from ml_platform_tests.ui.dagster_client import ASSETS
from ml_platform_tests.ui.running import RunningPlatform, running_platform
from ml_platform_tests.waiting import until

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MODEL = "flight_delays"
RUN_SECONDS = 600


def main() -> None:
    if not installed():
        sys.exit(f"error: {MISSING}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home, running_platform(Path(home)) as platform:
        release(platform)
        with open_browser(platform.dagster.address, width=1500, height=760) as browser:
            take_asset_graph(browser)
        with open_browser(platform.dagster.address, width=1900, height=1560) as browser:
            take_evaluation_report(browser)
    save_picture(IMAGES / "docs_page.png")
    save_status_page(IMAGES / "status_page.png")


def release(platform: RunningPlatform) -> None:
    run_id = platform.dagster.launch(f"{MODEL}_release", [(MODEL, asset) for asset in ASSETS])
    run = platform.dagster.wait_for_run(run_id, seconds=RUN_SECONDS)
    assert run.status == "SUCCESS", f"run {run_id} ended with {run.status}"


def take_asset_graph(browser: Browser) -> None:
    browser.open(f"/locations/ml_platform.definitions/asset-groups/{MODEL}/lineage")
    browser.see("deployed_bento")
    until(
        lambda: browser.lines().count("Materialized") == len(ASSETS),
        "all assets to show as materialized",
        pause=0.5,
    )
    browser.save(IMAGES / "asset_graph.png")


def take_evaluation_report(browser: Browser) -> None:
    browser.open(f"/assets/{MODEL}/evaluation_report?view=events")
    browser.see("metric/roc_auc")
    browser.pictures()
    browser.save(IMAGES / "evaluation_report.png")


if __name__ == "__main__":
    main()
