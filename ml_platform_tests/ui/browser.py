"""A headless Chromium that knows nothing yet and asks nobody but the page it is sent to."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as shown
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
MISSING = "chromium is not installed: make system-packages"
PATIENCE_SECONDS = 60
"""How long a page may take; a loaded machine needs most of it, an idle one 2 s."""

SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


def installed() -> bool:
    return all(shutil.which(program) for program in (CHROMIUM, DRIVER))


class Browser:
    """Finds things by what a person sees: their text."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver = driver
        self._address = address

    def open(self, path: str) -> None:
        self.driver.get(f"{self._address}{path}")

    def leave(self) -> None:
        self.driver.get("about:blank")

    def see(self, text: str, *, seconds: float = PATIENCE_SECONDS) -> WebElement:
        """Wait until an element of exactly that text can be seen."""
        return self._wait(
            f"//*[normalize-space(text())={_quoted(text)}]", f"{text!r} to show", seconds
        )

    def see_within(self, text: str, *, seconds: float = PATIENCE_SECONDS) -> WebElement:
        """Wait until an element whose own text contains this can be seen."""
        return self._wait(
            f"//*[text()[contains(., {_quoted(text)})]]", f"{text!r} to show", seconds
        )

    def click(self, text: str) -> None:
        """Click the button or link of that text once it can be clicked."""
        path = f"(//button | //a)[normalize-space(.)={_quoted(text)}]"
        found = shown.element_to_be_clickable((By.XPATH, path))
        self._waiting(PATIENCE_SECONDS).until(found, f"{text!r} cannot be clicked").click()

    def pictures(self) -> list[tuple[int, int]]:
        """Wait for the report server's pictures on the page; their width and height in pixels."""
        script = """const all = [...document.images].filter(i => i.src.endsWith('.png'));
            return all.every(i => i.complete) && all.map(i => [i.naturalWidth, i.naturalHeight])"""
        return self._waiting(PATIENCE_SECONDS).until(
            lambda driver: driver.execute_script(script), "no picture came"
        )

    def save(self, file: Path) -> None:
        """Keep what the window shows, once nothing on the page says that it is loading."""
        self._waiting(PATIENCE_SECONDS).until(
            lambda _: not self._loading(), "the page is loading still"
        )
        self.driver.save_screenshot(str(file))

    def lines(self) -> list[str]:
        return self.driver.find_element(By.TAG_NAME, "body").text.splitlines()

    def _loading(self) -> bool:
        return any(line.startswith("Loading") for line in self.lines())

    def _wait(self, path: str, what: str, seconds: float) -> WebElement:
        found = shown.visibility_of_element_located((By.XPATH, path))
        return self._waiting(seconds).until(found, f"waited {seconds} s for {what}")

    def _waiting(self, seconds: float) -> WebDriverWait:
        return WebDriverWait(self.driver, seconds, poll_frequency=0.25)


@contextmanager
def open_browser(address: str, *, width: int = 1600, height: int = 1000) -> Iterator[Browser]:
    """A browser with a profile of its own, ended when the block is left."""
    with TemporaryDirectory() as profile:
        options = Options()
        options.binary_location = CHROMIUM
        for switch in (*SWITCHES, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(switch)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            yield Browser(driver, address)
        finally:
            driver.quit()


def _quoted(text: str) -> str:
    """The text as an XPath literal."""
    return f"'{text}'" if "'" not in text else f'"{text}"'
