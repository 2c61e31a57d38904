"""A worker that serves a model under its release state."""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import Any

from ml_platform.release.process import this_process
from ml_platform.release.store import SqlReleaseStore
from ml_platform.serving.bundle import Bundle
from ml_platform.serving.counters import Counters
from ml_platform.serving.counts_shipping import CountsShipper
from ml_platform.serving.feedback import Label
from ml_platform.serving.fixed_worker import open_journal, recorder_of
from ml_platform.serving.journal.prediction_log import PredictionLog
from ml_platform.serving.live.bundles import bundle_folder, loaded_from
from ml_platform.serving.live.daemon_watch import DaemonWatch
from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.known_state import KnownState
from ml_platform.serving.live.prediction import Prediction
from ml_platform.serving.live.reporter import Identity, Reporter
from ml_platform.serving.live.scoring_mark import ScoringFile
from ml_platform.serving.live.shelf import Loaded, Shelf
from ml_platform.serving.live.state_cache import StateCache
from ml_platform.serving.live.threads import Following
from ml_platform.serving.recorder import Recorder
from ml_platform.serving.replies import Replies
from ml_platform.serving.worker import Worker, configured_keys, counts_folder, is_exposed
from ml_platform.serving.worker_counts import CountsFiles
from ml_platform.settings import Settings

SWITCH_SECONDS = 0.0005
"""After which a thread that loads a version, or scores in shadow, gives way to the requests: a
tenth of what Python allows by itself."""

MODEL_VARIABLE = "ML_PLATFORM_SERVE_MODEL"
URL_VARIABLE = "ML_PLATFORM_SERVE_URL"


def open_live(model: str, settings: Settings) -> Worker:
    """Open what the release state of a model says, and follow it; called on the event loop.

    Raises NothingReleased when there is nothing to serve yet, ServiceUnavailable when it is not
    known or cannot be loaded, ServingError when the API keys cannot be read.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    loop, counters = asyncio.get_running_loop(), Counters()
    journal_folder = settings.home / "journal" / model
    recorders = VersionRecorders()
    identity = worker_identity()

    journaled = Journaled(loop, recorders)
    followed = FollowedRelease(
        _known_state(model, settings),
        Shelf(_loader(model, settings, recorders, journal_folder)),
        counters,
        worker=identity.name,
        emit=journaled.shadow,
        daemon=DaemonWatch(settings.home, tell=lambda since: _tell_of_silence(settings, since)),
        scoring=ScoringFile(settings.home / "serving" / model / "scoring", identity.name),
    )
    followed.start()
    spec = followed.champion.serving
    journaled.journal = journal = open_journal(spec.journal, journal_folder)
    replies = Replies(
        followed,
        about=lambda: {"model": model, "journal": worker.spec.journal.model_dump(mode="json")},
        counters=counters,
        limits=spec.limits,
        recorder=recorders,
    )
    worker = Worker(
        replies,
        journal,
        model=model,
        spec=spec,
        counters=counters,
        counts=CountsFiles(counts_folder(), settings.kept_counts(model), identity.name),
        keys=configured_keys(),
        exposed=is_exposed(),
    )
    following = Following(
        followed,
        Reporter(followed, counters, identity),
        swapped=lambda: loop.call_soon_threadsafe(worker.keep_to, followed.champion.serving),
    )
    following.start()
    worker.at_end(following.stop)
    shared = settings.shipped_counts(model)
    if shared is not None:
        kept = settings.kept_counts(model) / f"{identity.name}.json"
        worker.at_end(CountsShipper(kept, shared).close)
    return worker


def _known_state(model: str, settings: Settings) -> KnownState:
    """The release state in its store, and the last one that was seen, on disk."""
    cached = StateCache(settings.home / "serving" / model / "state.json")
    return KnownState(model, SqlReleaseStore(settings.release_url), cached)


def _loader(
    model: str, settings: Settings, recorders: "VersionRecorders", journal_folder: Path
) -> Callable[[int], Loaded]:
    """What loads a version from the Bento store, and has it recorded as it declares."""

    def load(version: int) -> Loaded:
        bundle = Bundle.read(bundle_folder(settings.bentos, model, version))
        recorders.add(str(version), recorder_of(bundle, journal_folder))
        return loaded_from(bundle)

    return load


def _tell_of_silence(settings: Settings, since: datetime) -> None:
    """Tell people that Dagster's daemon is silent; imported then, as it hardly ever happens."""
    from ml_platform.monitoring.daemon_alert import tell_of_silence
    from ml_platform.monitoring.incident_store import SqlIncidentStore

    store = SqlIncidentStore(settings.release_url)
    tell_of_silence(store, settings.home, settings.alert_urls, since=since)


def worker_identity() -> Identity:
    """Return a name that no other worker has, now or before, and where it is reached."""
    host = os.uname().nodename
    name = f"{host}-{os.getpid()}-{time_ns() // 1_000_000:x}"
    url = os.environ.get(URL_VARIABLE, "")
    return Identity(name=name, host=host, url=url, process=this_process())


class VersionRecorders:
    """Makes the journal's records, each as its version's declaration says."""

    def __init__(self) -> None:
        self._recorders: dict[str, Recorder] = {}
        self._last: Recorder

    def add(self, version: str, recorder: Recorder) -> None:
        """Take the recorder of a version that may answer from now on."""
        self._recorders = {**self._recorders, version: recorder}
        self._last = recorder

    def prediction(self, one: Prediction, label: Any, latency_us: int, request_id: str) -> bytes:
        """Return the record of a prediction."""
        recorder = self._recorders[one.served.predictor.version]
        return recorder.prediction(one, label, latency_us, request_id)

    def feedback(self, label: Label) -> bytes:
        """Return the record of a label."""
        return self._last.feedback(label)


class Journaled:
    """Hands what a shadow predicted to the journal, which lives on the event loop."""

    journal: PredictionLog | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop, recorders: VersionRecorders) -> None:
        self._loop, self._recorders = loop, recorders

    def shadow(self, one: Prediction, label: Any, latency_us: int, request_id: str) -> None:
        """Log a prediction that nobody waits for; called on the shadow's thread."""
        record = self._recorders.prediction(one, label, latency_us, request_id)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._add, record)

    def _add(self, record: bytes) -> None:
        if self.journal is not None:
            self.journal.add((record,), _nobody_waits)


def _nobody_waits(_: Exception | None) -> None:
    """A record of a shadow that cannot be written is missed by nobody."""
