"""The page at /docs in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from ml_platform_tests.serving.small_service import small_service
from ml_platform_tests.ui.browser import PATIENCE_SECONDS, Browser, open_browser


@contextmanager
def open_docs(*, width: int = 1200, height: int = 1000) -> Iterator[Browser]:
    """The page of a small model, in a window of that size."""
    with (
        small_service() as (service, _),
        open_browser(service.url, width=width, height=height) as browser,
    ):
        browser.open("/docs")
        browser.see("Fields of a record")
        yield browser


def predict(browser: Browser, **fields: str) -> str:
    """Fill in fields, send the form; what the page then says in large letters."""
    for name, value in fields.items():
        found = browser.driver.find_element(By.ID, f"field-{name}")
        found.clear()
        found.send_keys(value)
    browser.click("Predict")
    shown = (By.CSS_SELECTOR, "#answer .big")
    wait = WebDriverWait(browser.driver, PATIENCE_SECONDS, poll_frequency=0.1)
    return wait.until(lambda driver: driver.find_elements(*shown), "no answer came")[0].text


def save_picture(file: Path) -> None:
    """Take the picture of the page after a prediction."""
    with open_docs() as browser:
        predict(browser, delay="12.5")
        browser.save(file)
