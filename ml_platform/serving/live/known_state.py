"""The release state as far as it is known: read from the store, or remembered while it is away."""

import logging
import time
from collections.abc import Callable

from ml_platform.exceptions import NothingReleased, ServiceUnavailable, StoreError
from ml_platform.release.state import ReleaseState
from ml_platform.release.store import ReleaseStore
from ml_platform.serving.live.state_cache import StateCache

AWAY_SECONDS = 2.0
"""A store that was not reached for so long is away."""

_log = logging.getLogger(__name__)


class KnownState:
    """The state of a model, polled; a store that is away changes nothing, and is logged once.

    monotonic: seconds.
    """

    def __init__(
        self,
        model: str,
        store: ReleaseStore,
        cache: StateCache,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model, self.store = model, store
        self.state = ReleaseState(model=model)
        self._cache = cache
        self._least = 0
        self._now = monotonic
        self._seen = monotonic()
        self._error: str | None = None

    def start(self) -> None:
        """Read the state, or remember the last one.

        Raises NothingReleased when there is no champion, ServiceUnavailable when the store is
        away and nothing is remembered.
        """
        cached = self._cache.read()
        self._least = cached.revision if cached else 0
        self.refresh()
        if self._error and cached is not None and cached.champion is not None:
            self.state = cached
            _log.warning("%s: starting with revision %d as last seen", self.model, cached.revision)
        elif self._error:
            raise ServiceUnavailable(f"{self._error}; and no release is remembered")
        if self.state.champion is None:
            raise NothingReleased(self.model, self.store.models())

    def refresh(self) -> None:
        """Ask the store."""
        try:
            self._ask()
        except StoreError as error:
            if self._error is None:
                _log.warning("%s; serving on", error)
            self._error = str(error)
            return
        if self._error is not None:
            _log.warning("%s: the release store is back", self.model)
        self._error, self._seen = None, self._now()

    @property
    def trouble(self) -> str | None:
        """Why the store is away; None while it answers, or has until a moment ago."""
        silent = self._now() - self._seen
        if self._error is None and silent < AWAY_SECONDS:
            return None
        return self._error or f"the release store has not answered for {silent:.0f} s"

    def _ask(self) -> None:
        revision = self.store.revision(self.model)
        least = max(self.state.revision, self._least)
        if revision < least:
            raise StoreError(
                f"the release store is at revision {revision} of {self.model}, where {least} was "
                "seen: it is another store, or lost its history; to follow it all the same, "
                f"delete {self._cache.file} and start anew"
            )
        if revision > self.state.revision:
            self.state = self.store.state(self.model)
            self._cache.write(self.state)
