"""Where records of predictions and labels go, and the place that keeps none."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from ml_platform.serving.journal.group import Counts, Done
from ml_platform.spec.serving import JournalSpec


class PredictionLog(Protocol):
    """Where records go before their answers do."""

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which loop `add` is called on."""
        ...

    def add(self, records: Sequence[bytes], done: Done) -> None:
        """Log records, then call `done` on the loop: with None, or with what went wrong."""
        ...

    def keep_to(self, declared: JournalSpec) -> None:
        """Log as declared anew from the next record on; called on the loop."""
        ...

    def counts(self) -> Counts:
        """What came of the records so far."""
        ...

    def close(self) -> None:
        """Write what waits, release its answers, and let go."""
        ...


class NoJournal:
    """Logs nothing; every answer is released at once."""

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Need no loop."""

    def add(self, records: Sequence[bytes], done: Done) -> None:
        """Release the answer."""
        done(None)

    def keep_to(self, declared: JournalSpec) -> None:
        """Go on logging nothing."""

    def counts(self) -> Counts:
        """Nothing."""
        return Counts()

    def close(self) -> None:
        """Hold nothing."""
