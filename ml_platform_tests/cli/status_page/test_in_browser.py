"""The status page in a real browser, on a desk and on a telephone."""

import pytest
from selenium.webdriver.common.by import By

from ml_platform_tests.cli.status_page.browsing import open_page
from ml_platform_tests.cli.status_page.world import World
from ml_platform_tests.ui.browser import MISSING, Browser, installed

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not installed(), reason=MISSING)]

PHONE = """const width = document.documentElement.clientWidth;
const wide = [...document.querySelectorAll('body *')].filter(
  e => e.getBoundingClientRect().right > width + 1);
return [width, document.documentElement.scrollWidth, wide.map(e => e.outerHTML.slice(0, 80))]"""


def fill_in(browser: Browser, model: str, **fields: str) -> None:
    card = browser.driver.find_element(By.ID, model)
    card.find_element(By.TAG_NAME, "summary").click()
    for name, value in fields.items():
        card.find_element(By.NAME, name).send_keys(value)


def press(browser: Browser, model: str, text: str) -> None:
    card = browser.driver.find_element(By.ID, model)
    card.find_element(By.XPATH, f".//button[.='{text}']").click()


def test_a_release_is_held_and_rolled_back_from_the_page(world: World) -> None:
    key = world.key()
    with open_page(world, width=1400) as browser:
        assert "shop" in [each.text for each in browser.driver.find_elements(By.TAG_NAME, "h2")]
        fill_in(browser, "shop", why="look at it", key=key)
        press(browser, "shop", "Hold")
        browser.see("Done")
        assert world.releases.state("shop").held
        browser.click("Back to all models")
        fill_in(browser, "shop", why="it is worse", key="mlp_wrong")
        press(browser, "shop", "Roll back")
        browser.see("Not done")
        assert world.releases.state("shop").candidate == 3
        browser.click("Back to all models")
        fill_in(browser, "shop", why="it is worse", key=key)
        press(browser, "shop", "Roll back")
        browser.see("Done")
    assert world.releases.state("shop").candidate is None
    assert world.releases.history("shop")[-1].who == "ada"


def test_nothing_scrolls_sideways_on_a_telephone(world: World) -> None:
    world.key()
    world.incident("shop", "run_failed", "release", "a_word_without_any_end_" * 20)
    with open_page(world, width=600) as browser:
        size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.open("/")
        for summary in browser.driver.find_elements(By.TAG_NAME, "summary"):
            summary.click()
        width, scrolls, wide = browser.driver.execute_script(PHONE)
    assert (width, scrolls, wide) == (390, 390, [])
