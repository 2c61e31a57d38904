"""A candidate on trial: it may raise, answer nonsense or hang, and no request is the worse for it.

A compiled model cannot hang: a single record costs it microseconds, a batch milliseconds. A
transform is anybody's code and can. So a candidate with a transform is scored in a thread of its
own, which is waited for no longer than the candidate's time; what hangs there is left behind. A
transform that holds Python's global lock for ever, as some C code and regular expressions do,
hangs the worker all the same; what is under way is marked, so that the workers after it know.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from ml_platform.exceptions import MLPlatformError, RecordRefused
from ml_platform.serving.live.lineup import Served
from ml_platform.serving.live.scoring_mark import Mark
from ml_platform.serving.live.side_thread import NotInTime, SideThread
from ml_platform.serving.predictor import NOT_FINITE, Score, scalar_scores
from ml_platform.serving.records import Record

LOOKED_AT, TOO_SLOW = 10, 3
"""So many of the last answers may not be too slow."""

_PER_RECORD = 0.01
"""A batch gets the time of one record, and this much of it for each record more."""


@dataclass(frozen=True)
class Fault:
    """Why a candidate is out.

    kind: raised, not_finite, timeout, memory, not_loaded, or hung; detail: for people.
    """

    kind: str
    detail: str


Scored = tuple[Record, Score]
Scorer = Callable[[Sequence[Record]], list[Score]]


class Trial:
    """Scores by a candidate until it fails once, or is too slow 3 times in 10.

    timeout_ms: what a record may take. aside: score in a thread of its own.
    out: told once, on the thread that scores, when the candidate is out. mark: of what is under way
    aside.

    A failure counts against the candidate when the champion answers the same record; one that
    neither can answer is the record's fault. So `absolve` or `blame` follows a None.
    """

    def __init__(
        self,
        served: Served,
        *,
        timeout_ms: float,
        aside: bool,
        out: Callable[[Fault], None],
        mark: Mark | None = None,
    ) -> None:
        self.served = served
        self.is_out = False
        self.is_aside = aside
        self._timeout = timeout_ms / 1e3
        self._out = out
        self._mark = mark or Mark()
        self._thread = SideThread(f"candidate-{served.version}") if aside else None
        self._slow: deque[bool] = deque(maxlen=LOOKED_AT)
        self._fault: Fault | None = None

    def score_one(self, record: dict[str, Any]) -> Scored | None:
        """Check and score a record; None when it could not, which is counted."""
        try:
            checked = self.served.predictor.checker.check(record)
        except RecordRefused as refused:
            self.served.tally.refused(refused.reason)
            return None
        scores = self._guarded([checked], self._one)
        return None if scores is None else (checked, scores[0])

    def scores(self, records: Sequence[dict[str, Any]]) -> list[Scored | None]:
        """The same for the records of a batch."""
        checked: dict[int, Record] = {}
        for index, record in enumerate(records):
            try:
                checked[index] = self.served.predictor.checker.check(record)
            except RecordRefused as refused:
                self.served.tally.refused(refused.reason)
        found: list[Scored | None] = [None] * len(records)
        scores = self._guarded(list(checked.values()), self._all) if checked else None
        for (index, seen), score in zip(checked.items(), scores or [], strict=False):
            found[index] = (seen, score)
        return found

    def absolve(self) -> None:
        """Forget a failure: the champion cannot answer the record either."""
        self._fault = None

    def blame(self) -> None:
        """Hold a failure against the candidate: the champion answered the record."""
        fault, self._fault = self._fault, None
        if fault is not None:
            self.give_up(fault)

    def give_up(self, fault: Fault) -> None:
        """Take the candidate out, once."""
        if not self.is_out:
            self.is_out = True
            self._out(fault)

    def close(self) -> None:
        """Let go of the thread; one that hangs stays behind."""
        if self._thread is not None:
            self._thread.close()

    def _guarded(self, checked: list[Record], scorer: Scorer) -> list[Score] | None:
        if self.is_out:
            return None
        allowed = self._timeout * (1 + _PER_RECORD * (len(checked) - 1))
        started = perf_counter()
        try:
            scores = self._scored(lambda: scorer(checked), allowed)
        except NotInTime:
            return self._too_slow(len(checked), allowed)
        except MLPlatformError as error:
            kind = "not_finite" if str(error) == NOT_FINITE else "raised"
            return self._failed(len(checked), Fault(kind, str(error)))
        except Exception as error:  # whatever a candidate does, the champion answers
            return self._failed(len(checked), Fault("raised", f"{type(error).__name__}: {error}"))
        if perf_counter() - started > allowed:
            return self._too_slow(len(checked), allowed)
        self._slow.append(False)
        return scores

    def _scored(self, score: Callable[[], list[Score]], allowed: float) -> list[Score]:
        if self._thread is None:
            return score()
        self._mark.begin()
        try:
            return self._thread.run(score, timeout=allowed)
        finally:
            self._mark.end()

    def _failed(self, records: int, fault: Fault) -> None:
        for _ in range(records):
            self.served.tally.failed(fault.kind)
        self._fault = fault

    def _too_slow(self, records: int, allowed: float) -> None:
        self._slow.append(True)
        for _ in range(records):
            self.served.tally.failed("timeout")
        if sum(self._slow) >= TOO_SLOW:
            late = f"{TOO_SLOW} of {len(self._slow)} answers took longer than {allowed * 1e3:g} ms"
            self.give_up(Fault("timeout", late))

    def _one(self, checked: Sequence[Record]) -> list[Score]:
        return [self.served.predictor.score_one(checked[0])]

    def _all(self, checked: Sequence[Record]) -> list[Score]:
        return scalar_scores(self.served.predictor.scores(checked))
