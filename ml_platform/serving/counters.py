"""What a worker counts of its answers: plain Python, about a microsecond a request."""

import json
from collections.abc import Mapping
from math import log2
from typing import Any

from ml_platform.release.evidence import (
    LATENCY_BINS,
    Bins,
    Counts,
    Moments,
    probability_bin,
    value_bin,
)

Role = str
"""champion answers; candidate answers its share of the keys; shadow is seen by nobody; fallback is
the champion in place of a candidate that failed, which no comparison may count."""

_LAST_BIN = LATENCY_BINS - 1


class Tally:
    """The counts of one version in one role, since it was made; written by one thread.

    is_value: the score is a number of any size, not a probability.
    """

    __slots__ = (
        "_bin_of", "_is_value", "_labels", "_latency", "_latency_us", "_model", "_model_us",
        "_score", "_scores", "answers", "errors", "nulls", "refusals", "unknown",
    )  # fmt: skip

    def __init__(self, *, is_value: bool = False) -> None:
        self.answers = 0
        self.errors: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.nulls = 0
        self.unknown = 0
        self._is_value = is_value
        self._bin_of = value_bin if is_value else probability_bin
        self._labels: dict[Any, int] = {}
        self._latency = [0] * LATENCY_BINS
        self._latency_us = 0
        self._model = [0] * LATENCY_BINS
        self._model_us = 0
        self._score = Moments()
        self._scores: Bins = {}

    def answered(self, request_us: int, model_us: int, score: float, label: Any) -> None:
        """Count an answer.

        Times in microseconds. score: of the positive or of the answered class, or the value.
        """
        self.answers += 1
        self._latency_us += request_us
        self._model_us += model_us
        number = int(4.0 * log2(request_us)) if request_us > 1 else 0
        self._latency[number if number < _LAST_BIN else _LAST_BIN] += 1
        number = int(4.0 * log2(model_us)) if model_us > 1 else 0
        self._model[number if number < _LAST_BIN else _LAST_BIN] += 1
        self._score.add(score)
        bin_of = self._bin_of(score)
        scores = self._scores
        scores[bin_of] = scores.get(bin_of, 0) + 1
        if not self._is_value:
            labels = self._labels
            labels[label] = labels.get(label, 0) + 1

    def failed(self, kind: str) -> None:
        """Count a good record that got no answer from this version."""
        self.errors[kind] = self.errors.get(kind, 0) + 1

    def refused(self, reason: str) -> None:
        """Count a record that this version refused."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def counts(self) -> Counts:
        """Return a copy of what was counted; safe while another thread counts on."""
        errors, refusals = dict(self.errors), dict(self.refusals)
        score = self._score
        return Counts(
            requests=self.answers + sum(errors.values()) + sum(refusals.values()),
            errors=errors,
            refusals=refusals,
            latency=_filled(self._latency),
            latency_total=float(self._latency_us),
            model_latency=_filled(self._model),
            model_latency_total=float(self._model_us),
            scores=dict(self._scores),
            score=Moments(score.n, score.total, score.squares),
            labels={json.dumps(label): n for label, n in dict(self._labels).items()},
            unknown_categories=self.unknown,
            nulls=self.nulls,
        )


class Counters:
    """The tallies of a worker, by version and role.

    They are counted twice over: since the worker started, and since the release entered its
    present step, which is what the release is judged by.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, Role], Tally] = {}
        self._past: dict[tuple[str, Role], Counts] = {}

    def of(self, version: str, role: Role, *, is_value: bool = False) -> Tally:
        """Return the tally of a version in a role; the same one until the next `begin_step`."""
        found = self._tallies.get((version, role))
        if found is None:
            found = self._tallies[version, role] = Tally(is_value=is_value)
        return found

    def begin_step(self) -> None:
        """Start all tallies anew; what they counted stays in `snapshot`."""
        ended, self._tallies = self._tallies, {}
        for each, tally in ended.items():
            self._past[each] = self._past.get(each, Counts()) + tally.counts()

    def step(self) -> dict[tuple[str, Role], Counts]:
        """Return what was counted since the last `begin_step`."""
        return {each: tally.counts() for each, tally in list(self._tallies.items())}

    def snapshot(self) -> dict[tuple[str, Role], Counts]:
        """Return what was counted since the worker started."""
        return summed(self._past, self.step())


def summed(
    one: Mapping[tuple[str, Role], Counts], other: Mapping[tuple[str, Role], Counts]
) -> dict[tuple[str, Role], Counts]:
    """Return the counts of two workers, or of two spans of time, together."""
    both = dict(one)
    for each, counts in other.items():
        both[each] = both[each] + counts if each in both else counts
    return both


def _filled(bins: list[int]) -> Bins:
    return {number: count for number, count in enumerate(bins) if count}
