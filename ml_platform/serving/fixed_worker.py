"""A worker that serves one Bento as it is."""

import os
from pathlib import Path
from typing import Any

from ml_platform.clock import clock
from ml_platform.serving.bundle import Bundle
from ml_platform.serving.counters import Counters
from ml_platform.serving.journal.prediction_log import NoJournal, PredictionLog
from ml_platform.serving.journal.sensitive import Sensitive, journal_secret
from ml_platform.serving.journal.writer import Journal
from ml_platform.serving.live.fixed import FixedRelease
from ml_platform.serving.recorder import Recorder
from ml_platform.serving.replies import Replies
from ml_platform.serving.worker import Worker, configured_keys, counts_folder, is_exposed
from ml_platform.serving.worker_counts import CountsFiles
from ml_platform.spec.serving import JournalSpec


def open_fixed(folder: Path, *, journal: Path | None) -> Worker:
    """Open the Bento in `folder`, with its journal in `journal`, or without one.

    Raises ModelError when the Bento is damaged or not what was certified, ServingError when the
    API keys cannot be read.
    """
    bundle = Bundle.read(folder)
    counters = Counters()
    live = FixedRelease(
        bundle.predictor(), counters, key=bundle.identity.key, explores=bundle.explores()
    )
    kept = bundle.serving.journal.model_dump(mode="json") if journal else "off"
    about: dict[str, Any] = {**bundle.about(), "journal": kept}
    replies = Replies(
        live,
        about=lambda: about,
        counters=counters,
        limits=bundle.serving.limits,
        recorder=recorder_of(bundle, journal) if journal else None,
    )
    return Worker(
        replies,
        open_journal(bundle.serving.journal, journal),
        model=bundle.identity.model,
        spec=bundle.serving,
        counters=counters,
        counts=CountsFiles(counts_folder()),
        keys=configured_keys(),
        exposed=is_exposed(),
    )


def recorder_of(bundle: Bundle, journal: Path) -> Recorder:
    """Return what makes the journal's records of a bundle, as its declaration has them."""
    columns = bundle.contract.columns
    sensitive = [name for name, column in columns.items() if column.sensitive]
    if not sensitive:
        return Recorder(clock())
    hidden = Sensitive(
        sensitive,
        bundle.serving.journal.sensitive,
        secret=journal_secret(journal),
        id_column=bundle.identity.key,
    )
    return Recorder(clock(), hidden)


def open_journal(declared: JournalSpec, folder: Path | None) -> PredictionLog:
    """Return the journal of this worker."""
    if folder is None:
        return NoJournal()
    shared = os.environ.get("ML_PLATFORM_JOURNAL_URL")
    return Journal(
        folder,
        worker=f"{os.uname().nodename}-{os.getpid()}",
        durability=declared.durability,
        on_full=declared.on_full,
        segment_bytes=declared.segment_bytes,
        segment_seconds=declared.segment_seconds,
        ship_to=f"{shared.rstrip('/')}/{folder.name}" if shared else None,
    )
