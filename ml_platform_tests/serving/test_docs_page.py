from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By

from ml_platform_tests.serving.docs_page import open_docs, predict
from ml_platform_tests.ui.browser import MISSING, Browser, installed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not installed():
        pytest.skip(MISSING)
    with open_docs(width=500, height=900) as browser:
        yield browser


def answer_text(browser: Browser) -> str:
    return browser.driver.find_element(By.ID, "answer").text


def test_form_holds_an_example_and_shows_the_prediction(browser: Browser):
    browser.open("/docs")
    browser.see("Fields of a record")

    assert predict(browser, delay="12.5").startswith("Prediction: ")
    assert "Probability 0." in answer_text(browser)
    assert "Version 1, id " in answer_text(browser)


def test_refusal_says_what_would_be_right(browser: Browser):
    browser.open("/docs")
    browser.see("Fields of a record")

    assert predict(browser, distance="9") == "Refused (400): distance: out_of_range"
    assert "from 17 up to 5000" in answer_text(browser)


def test_page_tells_fields_and_routes_and_fits_a_phone(browser: Browser):
    browser.open("/docs")
    browser.see("Fields of a record")

    assert "In miles." in "".join(browser.lines())
    for path in ("/predict", "/predict-batch", "/feedback", "/health", "/model"):
        browser.see(path)
    width, window = browser.driver.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert width <= window


def test_page_asks_nobody_but_its_service_and_reports_no_error(browser: Browser):
    browser.open("/docs")
    browser.see("Fields of a record")
    script = "return performance.getEntriesByType('resource').map(each => each.name)"

    asked = browser.driver.execute_script(script)

    assert all(name.startswith(browser.driver.current_url[:16]) for name in asked), asked
    severe = [line for line in browser.driver.get_log("browser") if line["level"] == "SEVERE"]
    assert [
        line for line in severe if "favicon" not in line["message"] and "400" not in line["message"]
    ] == []
