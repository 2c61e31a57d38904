"""One running platform and one browser for all tests of this folder."""

from collections.abc import Iterator

import pytest

from ml_platform_tests.ui.browser import MISSING, Browser, installed, open_browser
from ml_platform_tests.ui.running import RunningPlatform, copy_model, running_platform

SCHEDULE = (
    "\n    - {type: no_regression, metric: roc_auc, tolerance: 0.1}"
    "\n  retraining: {schedule: '* * * * *', on_new_data: true, data_schedule: '* * * * *'}"
)


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """Three models besides the shipped ones.

    small_credit is well, broken_credit breaks its contract every minute, typo_credit does not load.
    """
    folder = tmp_path_factory.mktemp("models")
    floor = "- {type: minimum_metric, metric: roc_auc, floor: 0.7}"
    copy_model(folder, "small_credit", ("bootstrap: 50", "bootstrap: 50, evidently: never"))
    copy_model(
        folder,
        "broken_credit",
        ("allowed: [car, house, other]", "allowed: [car, house]"),
        (floor, floor + SCHEDULE),
    )
    copy_model(folder, "typo_credit", (floor, floor.replace("roc_auc", "roc_aux")))
    with running_platform(tmp_path_factory.mktemp("home"), models=[folder]) as platform:
        yield platform


@pytest.fixture(autouse=True)
def _leave_the_page(request: pytest.FixtureRequest) -> Iterator[None]:
    """An open page asks the webserver again and again, also while a test waits for a run."""
    shown: Browser | None = None
    if "browser" in request.fixturenames:
        shown = request.getfixturevalue("browser")
    yield
    if shown is not None:
        shown.leave()


@pytest.fixture(scope="package")
def browser(platform: RunningPlatform) -> Iterator[Browser]:
    if not installed():
        pytest.skip(MISSING)
    with open_browser(platform.dagster.address) as browser:
        yield browser
