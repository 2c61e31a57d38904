"""What one worker has open: the desk, the journal, the counts, and what it tells of them."""

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from ml_platform.serving import worker_counts
from ml_platform.serving.counters import Counters
from ml_platform.serving.http.desk import Desk
from ml_platform.serving.http.keys import VARIABLE as KEYS_VARIABLE
from ml_platform.serving.http.keys import ApiKeys
from ml_platform.serving.http.listening import beyond_loopback
from ml_platform.serving.journal.prediction_log import PredictionLog
from ml_platform.serving.replies import Replies
from ml_platform.serving.worker_counts import CountsFiles, WorkerCounts
from ml_platform.spec.serving import ServingSpec

FLUSH_SECONDS = 1.0

_log = logging.getLogger(__name__)

IN_MEMORY = CountsFiles()


class Worker:
    """A worker that is ready to answer.

    model: its name. spec: how it is served, until `keep_to` says otherwise.
    counts: where it writes what it counted.
    example: a record for the OpenAPI document; None makes one up from the contract.
    """

    def __init__(
        self,
        replies: Replies,
        journal: PredictionLog,
        *,
        model: str,
        spec: ServingSpec,
        counters: Counters,
        counts: CountsFiles = IN_MEMORY,
        keys: ApiKeys | None = None,
        exposed: bool = True,
        example: dict[str, Any] | None = None,
    ) -> None:
        self.replies = replies
        self.journal = journal
        self.desk = Desk(
            replies,
            journal,
            limits=spec.limits,
            door=counters.door,
            keys=keys,
            exposed=exposed,
        )
        self._model = model
        self.spec = spec
        self._counters = counters
        self._counts = counts
        self._example = example
        self._flushing: asyncio.Task[None] | None = None
        self._document: tuple[bytes, bytes] = (b"", b"")
        self._ending: list[Callable[[], None]] = []

    def at_end(self, end: Callable[[], None]) -> None:
        """Call this when the worker stops, after the last answer."""
        self._ending.append(end)

    def keep_to(self, spec: ServingSpec) -> None:
        """Answer as another declaration has it from now on; called on the event loop.

        The number of workers stays, as it is for the supervisor to change.
        """
        if spec == self.spec:
            return
        self.spec = spec
        self.replies.limits = spec.limits
        self.desk.keep_to(spec.limits)
        self.journal.keep_to(spec.journal)
        self._document = (b"", b"")
        _log.info("served as declared anew: %s", spec.model_dump_json(exclude={"workers"}))

    def openapi(self) -> bytes:
        """Return the OpenAPI document of what is served now."""
        about = self.replies.model().body
        if self._document[0] != about:
            from ml_platform.serving.http.openapi import document

            content = document(
                orjson.loads(about),
                limits=self.spec.limits,
                locked=self.desk.keys is not None,
                example=self._example,
            )
            self._document = (about, orjson.dumps(content))
        return self._document[1]

    def metrics(self) -> bytes:
        """Return what all workers counted, in Prometheus' text format."""
        from ml_platform.serving.metrics import exposition

        found = self.counted()
        if self._counts.common is not None:
            found += worker_counts.read_others(self._counts.common, but=self._counts.name)
        return exposition(self._model, found, machine_hour_price=self.spec.machine_hour_price)

    def counted(self) -> WorkerCounts:
        """Return what this worker counted since it started."""
        journal = self.journal.counts()
        names = ("records", "repeated", "refused", "unlogged")
        return WorkerCounts(
            self._counters.snapshot(), {name: getattr(journal, name) for name in names}
        )

    async def start(self) -> None:
        """Bind the journal to the loop, and write down each second what was counted."""
        self.journal.bind(asyncio.get_running_loop())
        if self._counts.folders:
            self._flushing = asyncio.create_task(self._flush())
        gc.collect()
        gc.freeze()  # what is loaded stays: collecting it again and again would cost milliseconds

    async def stop(self) -> None:
        """Close the journal and write down the last counts."""
        if self._flushing is not None:
            self._flushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flushing
        self.journal.close()
        self._write_counts()
        for end in self._ending:
            end()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._write_counts()

    def _write_counts(self) -> None:
        for folder in self._counts.folders:
            try:
                worker_counts.write(folder, self._counts.name, self.counted())
            except OSError as error:
                _log.warning("the counts of this worker cannot be written: %s", error)


def configured_keys() -> ApiKeys | None:
    """Return the API keys that the environment names. Raises ServingError."""
    file = os.environ.get(KEYS_VARIABLE)
    return ApiKeys(Path(file)) if file else None


def counts_folder() -> Path | None:
    """Return where the workers of this service keep their counts.

    BentoML gives the workers of one service a folder in common, and empties it at each start.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) / "ml_platform" if folder else None


def is_exposed() -> bool:
    """Return whether this process listens beyond loopback."""
    return beyond_loopback()
