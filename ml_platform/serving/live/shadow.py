"""A candidate in shadow: it scores what the champion answered, when there is time for it."""

import math
import time
from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from ml_platform.serving.live.prediction import Prediction
from ml_platform.serving.live.trial import Trial
from ml_platform.serving.predictor import Score
from ml_platform.task import Task

CAPACITY = 1024
"""Answers that may wait for the shadow; what comes on top is dropped, and counted."""

WORK_SHARE = 0.25
"""Of the time, at most, that the shadow works; the rest is the champion's."""

_IDLE_SECONDS = 0.01
_LEAST_PAUSE = 0.0002

Emit = Callable[[Prediction, Any, int, str], None]
"""Gets each prediction of the shadow, its label, its microseconds, and the id of the request."""


class ShadowThread:
    """Scores in a thread that gives way after every record.

    trial: the candidate. emit: journals what it predicts; None where nothing is journaled.

    Python runs one thread at a time, so what the shadow computes the champion waits for, but
    never for longer than one record, and for no more than a quarter of the time.
    """

    def __init__(self, trial: Trial, *, emit: Emit | None, capacity: int = CAPACITY) -> None:
        self._trial = trial
        self._emit = emit
        self._capacity = capacity
        self._queue: deque[tuple[Prediction, Any, str]] = deque()
        self._slices = slices_of(trial.served.predictor)
        self._is_value = trial.served.predictor.model.task is Task.REGRESSION
        # What a thread of its own does for this one is not in this one's time.
        self._spent = time.perf_counter if trial.is_aside else time.thread_time
        self._ended = Event()
        self._thread = Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, answered: Prediction, label: Any, request_id: str) -> None:
        """Hand over what was answered; what there is no room for is counted."""
        if len(self._queue) < self._capacity:
            self._queue.append((answered, label, request_id))
        else:
            self._trial.served.tally.dropped += 1

    def close(self) -> None:
        """Stop after the record under way; what waits is dropped."""
        self._ended.set()
        self._queue.clear()
        self._trial.close()

    def _work(self) -> None:
        while not self._ended.is_set() and not self._trial.is_out:
            try:
                answered, label, request_id = self._queue.popleft()
            except IndexError:
                self._ended.wait(_IDLE_SECONDS)
                continue
            started = self._spent()
            self._score(answered, label, request_id)
            worked = self._spent() - started
            time.sleep(max(_LEAST_PAUSE, worked * (1 / WORK_SHARE - 1)))

    def _score(self, answered: Prediction, label: Any, request_id: str) -> None:
        started = time.perf_counter()
        found = self._trial.score_one(answered.record)
        if found is None:
            self._trial.blame()
            return
        model_us = int((time.perf_counter() - started) * 1e6)
        served = self._trial.served
        checked, score = found
        own = served.predictor.label_of(score)
        told = _told(score)
        served.tally.answered(model_us, model_us, told, own)
        served.tally.took(model_us)
        served.census(checked, served.tally)
        agree = math.isclose(own, label, rel_tol=1e-6) if self._is_value else own == label
        names = self._slices(answered.record)
        served.tally.compared(agree=agree, difference=told - _told(answered.score), slices=names)
        if self._emit is not None:
            seen = answered._replace(
                served=served, sent=False, checked=checked, score=score, model_us=model_us
            )
            self._emit(seen, own, model_us, request_id)


def slices_of(predictor: Any) -> Callable[[dict[str, Any]], list[str]]:
    """Return the function that names the slices of a record: the values of its categories."""
    columns = predictor.checker.categories

    def slices(record: dict[str, Any]) -> list[str]:
        return [f"{name}={record.get(name)}" for name in columns]

    return slices


def _told(score: Score) -> float:
    return max(score) if isinstance(score, tuple) else score
