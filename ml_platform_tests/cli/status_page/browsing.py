"""The status page as a process of its own, with a real browser before it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ml_platform.cli.ports import LOOPBACK, answers, choose_ports
from ml_platform.settings import Settings
from ml_platform_tests.cli.status_page.world import World
from ml_platform_tests.ui.browser import Browser, open_browser

START_SECONDS = 60


@contextmanager
def serve(world: World) -> Iterator[str]:
    """The address of the page of a home."""
    [port] = choose_ports([0])
    command = [sys.executable, "-m", "ml_platform.cli.status_page", "--port", str(port)]
    own = {
        "ML_PLATFORM_HOME": str(world.settings.home),
        "ML_PLATFORM_MODELS": str(world.models),
    }
    with subprocess.Popen(command, env={**os.environ, **own}) as page:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers(port) and time.monotonic() < deadline:
                assert page.poll() is None, "the page ended by itself"
                time.sleep(0.2)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            page.terminate()


@contextmanager
def open_page(world: World, *, width: int, height: int = 900) -> Iterator[Browser]:
    """The page in a window of that size."""
    with serve(world) as address, open_browser(address, width=width, height=height) as browser:
        browser.open("/")
        browser.see("shop")
        yield browser


def save_picture(file: Path) -> None:
    """Take the picture of the page for the documentation."""
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as environ:
        environ.delenv("ML_PLATFORM_API_KEYS_FILE", raising=False)
        environ.setenv("ML_PLATFORM_HOME", f"{home}/home")
        environ.setenv("ML_PLATFORM_MODELS", f"{home}/models")
        world = World(Settings.from_environment(), Path(home) / "models")
        world.key()
        with open_page(world, width=1400, height=860) as browser:
            browser.save(file)
