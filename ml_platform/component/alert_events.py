"""What is new in Dagster's event log: checks evaluated, runs that failed or succeeded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from ml_platform.clock import VARIABLE
from ml_platform.plugins import Strict

Stamp = Callable[[dg.EventLogEntry], datetime]

MOST = 2_000
"""Events of a kind that a tick reads; the next one goes on from there."""

CHECKS, FAILURES, SUCCESSES = (
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
)


class Read(Strict):
    """How far the event log was read, by storage id.

    stamped: the last time that an event was given where the clock is simulated.
    """

    checks: int
    failures: int
    successes: int
    stamped: datetime | None = None

    @classmethod
    def up_to_now(cls, instance: dg.DagsterInstance) -> "Read":
        """Everything that happened before the first tick is history."""
        last = instance.event_log_storage.get_maximum_record_id() or 0
        return cls(checks=last, failures=last, successes=last)


@dataclass(frozen=True)
class Logged:
    """New events, and how far the log is read then."""

    checks: Sequence[dg.EventLogEntry]
    failures: Sequence[dg.EventLogEntry]
    successes: Sequence[dg.EventLogEntry]
    read: Read


def read_log(instance: dg.DagsterInstance, read: Read) -> Logged:
    """Read what is new, three queries whatever the number of models."""
    checks, to = _events(instance, CHECKS, read.checks)
    failures, failed_to = _events(instance, FAILURES, read.failures)
    successes, done_to = _events(instance, SUCCESSES, read.successes)
    after = {"checks": to, "failures": failed_to, "successes": done_to}
    return Logged(checks, failures, successes, read.model_copy(update=after))


def _events(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, after: int
) -> tuple[list[dg.EventLogEntry], int]:
    found = instance.event_log_storage.get_logs_for_all_runs_by_log_id(
        after_cursor=after, dagster_event_type=kind, limit=MOST
    )
    return list(found.values()), max(found, default=after)


class Stamps:
    """When something happened: as logged, or by the simulated clock, in the order of the log.

    last: the last time that was given; None where the clock is the machine's.
    """

    last: datetime | None

    def __init__(self, environ: Mapping[str, str], read: Read, *, now: datetime) -> None:
        self.last = None
        if environ.get(VARIABLE):
            self.last = max(now, read.stamped) if read.stamped else now

    def __call__(self, entry: dg.EventLogEntry) -> datetime:
        """The time of an event."""
        if self.last is None:
            return datetime.fromtimestamp(entry.timestamp, UTC)
        self.last += timedelta(microseconds=1)
        return self.last
