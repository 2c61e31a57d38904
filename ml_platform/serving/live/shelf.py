"""The versions that a worker has loaded, and loads, beside what it answers."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

from ml_platform.serving.live.census import Census
from ml_platform.serving.predictor import Predictor
from ml_platform.spec.serving import ServingSpec

LOAD_SECONDS = 60.0
"""A version that takes longer to load is not waited for."""

RETRY_SECONDS = 5.0
"""After which loading what could not be loaded is worth another try."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A version in memory, ready to answer.

    key: the field of a record that is its key. explores: tells of a key whether its decision is
    made at random; None where exploration is not declared. about: what `GET /model` tells of it.
    has_code: its features come from a team's own code, which may hang.
    """

    version: int
    predictor: Predictor
    serving: ServingSpec
    key: str | None
    about: Mapping[str, Any]
    census: Census
    has_code: bool
    explores: Callable[[str], bool] | None = None


@dataclass
class _Place:
    """A version that is loaded, being loaded, or could not be."""

    started: float
    used: float
    loaded: Loaded | None = None
    error: str | None = None


class Shelf:
    """Loads versions in threads of their own, and keeps them as long as they may be needed.

    load: reads a version, verifies and warms it; may raise anything.
    monotonic: seconds.
    """

    def __init__(
        self, load: Callable[[int], Loaded], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._now = monotonic
        self._places: dict[int, _Place] = {}
        self._lock = Lock()

    def get(self, version: int) -> Loaded | None:
        """Return a version, or None and begin to load it, again if that failed some time ago."""
        now = self._now()
        with self._lock:
            place = self._places.get(version)
            if place is not None and (place.error is None or now - place.started < RETRY_SECONDS):
                place.used = now
                return place.loaded
            place = self._places[version] = _Place(started=now, used=now)
        Thread(target=self._fill, args=(version, place), name="load", daemon=True).start()
        return None

    def get_now(self, version: int) -> Loaded | None:
        """Return a version, loaded by this thread if need be; None when it cannot be."""
        place = self._places.get(version)
        if place is None or place.loaded is None:
            place = self._places[version] = _Place(started=self._now(), used=self._now())
            self._fill(version, place)
        return place.loaded

    def error(self, version: int) -> str | None:
        """Say why a version could not be loaded; None for one that is, or may yet be."""
        place = self._places.get(version)
        if place is None or place.loaded is not None:
            return None
        if place.error is None and self._now() - place.started > LOAD_SECONDS:
            return f"version {version} did not load within {LOAD_SECONDS:g} s"
        return place.error

    def keep(self, wanted: Collection[int], *, warm_seconds: float) -> None:
        """Let go of what is not wanted, and was not for some time."""
        now = self._now()
        with self._lock:
            for version in wanted:
                if version in self._places:
                    self._places[version].used = now
            for version, place in list(self._places.items()):
                if now - place.used > warm_seconds:
                    del self._places[version]

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that are ready."""
        return tuple(sorted(v for v, place in dict(self._places).items() if place.loaded))

    def _fill(self, version: int, place: _Place) -> None:
        try:
            place.loaded = self._load(version)
        except BaseException as error:  # a team's module may raise anything, and exit
            _log.exception("version %s cannot be loaded", version)
            place.error = f"version {version} cannot be loaded: {error or type(error).__name__}"
