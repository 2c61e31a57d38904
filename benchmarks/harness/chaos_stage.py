"""What every scenario of chaos has in common: the service, its store, and a figure to tell."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness.live_load import Load
from harness.live_models import BETTER, GOOD, MODEL, move

from ml_platform.clock import utc_now
from ml_platform.release.state import Action
from ml_platform.release.store import SqlReleaseStore
from ml_platform.serving.live_process import LiveServiceProcess
from ml_platform.settings import Settings

WORKERS = 2


class Figure(NamedTuple):
    """A line of the table: what was done, what came of it, and whether that is as it should be."""

    what: str
    measured: str
    goal: str
    reached: bool

    def __str__(self) -> str:
        return f"| {self.what} | {self.measured} | {self.goal} | {_words(self.reached)} |"


class Stage(NamedTuple):
    """A running service and its release store. pause: of each client between two requests."""

    settings: Settings
    store: SqlReleaseStore
    service: LiveServiceProcess
    pause: float = 0.0

    def set(self) -> None:
        """Put it where every scenario begins."""
        champion_is_good(self.store)
        self.followed()

    def load(self, *, clients: int = 4) -> Load:
        """Clients that ask the service."""
        return Load(self.service.host, self.service.port, clients=clients, pause=self.pause)

    @property
    def journal(self) -> Path:
        """Where the service logs."""
        return self.settings.home / "journal" / MODEL

    def followed(self, *, patience: float = 30.0) -> float:
        """Wait until all live workers serve the present revision; return the seconds it took."""
        started = time.monotonic()
        while time.monotonic() - started < patience:
            live = [one for one in self.store.workers(MODEL) if one.live(now=utc_now())]
            revision = self.store.revision(MODEL)
            if live and all(one.revision == revision for one in live):
                return time.monotonic() - started
            time.sleep(0.01)
        raise TimeoutError(f"not every worker followed within {patience:g} s")


def settings_of(home: Path) -> Settings:
    """The settings of a home."""
    return Settings.from_environment({"ML_PLATFORM_HOME": str(home)})


def champion_is_good(store: SqlReleaseStore) -> None:
    """Put the release where every scenario begins: the good version, and no candidate."""
    state = store.state(MODEL)
    if state.candidate is not None:
        move(store, Action.WITHDRAW, state.candidate)
    if state.champion != GOOD:
        move(store, Action.PROMOTE_DIRECT, GOOD)


@contextmanager
def on_stage(home: Path, *, pause: float = 0.0) -> Iterator[Stage]:
    """Run the service for the length of the block."""
    settings = settings_of(home)
    store = SqlReleaseStore(settings.release_url)
    champion_is_good(store)
    log = home / "service.log"
    with LiveServiceProcess(MODEL, settings, workers=WORKERS, log=log) as service:
        stage = Stage(settings, store, service, pause)
        stage.followed()
        yield stage
    store.close()


def other(version: int) -> int:
    """The other good version."""
    return BETTER if version == GOOD else GOOD


def until(true: Callable[[], bool], *, patience: float = 30.0) -> bool:
    """Wait for something; whether it came."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


def _words(reached: bool) -> str:
    return "yes" if reached else "no"
