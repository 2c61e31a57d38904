"""What gathers within one tick of the event loop, and what came of it all."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ml_platform.exceptions import JournalUnavailable

Done = Callable[[JournalUnavailable | None], None]


@dataclass(slots=True)
class Group:
    """Records that are written together, and the answers that wait for them.

    parts: frame and payload of each record by turns. sent: ids that clients made.
    size: bytes of the payloads. labels, label_dones: how many of the records are labels, and the
    answers that wait for those; `dones` are of predictions.
    """

    parts: list[bytes] = field(default_factory=list[bytes])
    dones: list[Done] = field(default_factory=list[Done])
    sent: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    labels: int = 0
    label_dones: list[Done] = field(default_factory=list[Done])


@dataclass(slots=True)
class Counts:
    """What came of the records of one worker since it began.

    records, bytes: logged. groups: writes. repeated: not logged, as their ids were before.
    refused: answered with 503. unlogged: answered without being logged.
    close_errors: segments that could not be given their final name.
    error: why the last group could not be written; None when it was.
    """

    records: int = 0
    bytes: int = 0
    groups: int = 0
    repeated: int = 0
    refused: int = 0
    unlogged: int = 0
    close_errors: int = 0
    error: JournalUnavailable | None = None
