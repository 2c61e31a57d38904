"""What a worker counts of its answers: plain Python, about a microsecond a request."""

import json
from collections.abc import Iterable
from math import log2
from typing import Any

from ml_platform.release.evidence import (
    LATENCY_BINS,
    MOST_SLICES,
    OTHER_SLICE,
    Agreement,
    Bins,
    Counts,
    Moments,
    difference_bin,
    probability_bin,
    value_bin,
)

Role = str
"""champion answers; candidate answers its share of the keys; shadow is seen by nobody; fallback is
the champion in place of a candidate that failed, which no comparison may count."""

DOOR = ("", "door")
"""Version and role of what was refused, or failed, without a version."""

_LAST_BIN = LATENCY_BINS - 1


class Tally:
    """The counts of one version in one role, since it was made; written by one thread.

    is_value: the score is a number of any size, not a probability.
    """

    __slots__ = (
        "_bin_of",
        "_differences",
        "_is_value",
        "_labels",
        "_latency",
        "_latency_us",
        "_model",
        "_model_us",
        "_pairs",
        "_score",
        "_scores",
        "_slices",
        "_work_us",
        "answers",
        "dropped",
        "errors",
        "nulls",
        "refusals",
        "unknown",
    )

    def __init__(self, *, is_value: bool = False) -> None:
        self.answers = 0
        self.errors: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.nulls = 0
        self.unknown = 0
        self.dropped = 0
        self._pairs = Agreement()
        self._slices: dict[str, Agreement] = {}
        self._differences: Bins = {}
        self._is_value = is_value
        self._bin_of = value_bin if is_value else probability_bin
        self._labels: dict[Any, int] = {}
        self._latency = [0] * LATENCY_BINS
        self._latency_us = 0
        self._model = [0] * LATENCY_BINS
        self._model_us = 0
        self._work_us = 0
        self._score = Moments()
        self._scores: Bins = {}

    def answered(self, work_us: int, model_us: int, score: float, label: Any) -> None:
        """Count an answer; `took` follows when it is sent.

        work_us, model_us: microseconds that the worker was busy with the request, and with the
            model; of a batch the share of one record.
        score: of the positive or of the answered class, or the value.
        """
        self.answers += 1
        self._work_us += work_us
        self._model_us += model_us
        number = int(4.0 * log2(model_us)) if model_us > 1 else 0
        self._model[number if number < _LAST_BIN else _LAST_BIN] += 1
        self._score.add(score)
        bin_of = self._bin_of(score)
        scores = self._scores
        scores[bin_of] = scores.get(bin_of, 0) + 1
        if not self._is_value:
            labels = self._labels
            labels[label] = labels.get(label, 0) + 1

    def took(self, request_us: int) -> None:
        """Count the time of an answer, microseconds from its request to when it is sent."""
        self._latency_us += request_us
        number = int(4.0 * log2(request_us)) if request_us > 1 else 0
        self._latency[number if number < _LAST_BIN else _LAST_BIN] += 1

    def failed(self, kind: str) -> None:
        """Count a good record that got no answer from this version."""
        self.errors[kind] = self.errors.get(kind, 0) + 1

    def refused(self, reason: str) -> None:
        """Count a record that this version refused."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def compared(self, *, agree: bool, difference: float, slices: Iterable[str]) -> None:
        """Count an answer of a shadow beside the champion's to the same record.

        difference: of the scores, the shadow's minus the champion's. slices: that the record is in.
        """
        _pair(self._pairs, agree, difference)
        number = difference_bin(difference)
        self._differences[number] = self._differences.get(number, 0) + 1
        for name in slices:
            found = self._slices.get(name)
            if found is None:
                known = name if len(self._slices) < MOST_SLICES else OTHER_SLICE
                found = self._slices.setdefault(known, Agreement())
            _pair(found, agree, difference)

    def counts(self) -> Counts:
        """Return a copy of what was counted; safe while another thread counts on."""
        errors, refusals = dict(self.errors), dict(self.refusals)
        return Counts(
            requests=self.answers + sum(errors.values()) + sum(refusals.values()),
            errors=errors,
            refusals=refusals,
            latency=_filled(self._latency),
            latency_total=float(self._latency_us),
            model_latency=_filled(self._model),
            model_latency_total=float(self._model_us),
            work_total=float(self._work_us),
            scores=dict(self._scores),
            score=_copied(self._score),
            labels={json.dumps(label): n for label, n in dict(self._labels).items()},
            unknown_categories=self.unknown,
            nulls=self.nulls,
            shadow=_copy(self._pairs),
            differences=dict(self._differences),
            shadow_dropped=self.dropped,
            slices={name: _copy(pairs) for name, pairs in dict(self._slices).items()},
        )


Tallies = dict[tuple[str, Role], Tally]
Counted = dict[tuple[str, Role], Counts]
"""Counts by version and role."""


class Counters:
    """The tallies of a worker, by version and role.

    They are counted since the worker started, and for each step of a release by itself, which is
    what the release is judged by.

    door: what was refused, or failed, without a version; no step has it, as it says nothing about
    any and would shift the shares by which a candidate is compared.
    """

    def __init__(self) -> None:
        self.door = Tally()
        self._step, self._ended_step = 0, 0
        self._tallies: Tallies = {}
        self._ended: Tallies = {}  # a request that is under way may count there yet
        self._past: Counted = {}

    def of(self, version: str, role: Role, *, is_value: bool = False) -> Tally:
        """Return the tally of a version in a role; the same one until the next `begin_step`."""
        found = self._tallies.get((version, role))
        if found is None:
            # A new dictionary, so that other threads never see one that grows.
            found = Tally(is_value=is_value)
            self._tallies = {**self._tallies, (version, role): found}
        return found

    def begin_step(self, step: int) -> None:
        """Start all tallies anew; what they counted stays in `snapshot`."""
        self._past = summed(self._past, _counted(self._ended))
        self._ended, self._tallies = self._tallies, {}
        self._ended_step, self._step = self._step, step

    def steps(self) -> dict[int, Counted]:
        """Return what was counted at the present step and at the one before it."""
        return {self._ended_step: _counted(self._ended), self._step: _counted(self._tallies)}

    def snapshot(self) -> Counted:
        """Return what was counted since the worker started."""
        door = {DOOR: self.door} if self.door.refusals or self.door.errors else {}
        return summed(summed(self._past, _counted(self._ended)), _counted(door | self._tallies))


def summed(one: Counted, other: Counted) -> Counted:
    """Return the counts of two workers, or of two spans of time, together."""
    both = dict(one)
    for each, counts in other.items():
        both[each] = both[each] + counts if each in both else counts
    return both


def _counted(tallies: Tallies) -> Counted:
    return {each: tally.counts() for each, tally in tallies.items()}


def _pair(pairs: Agreement, agree: bool, difference: float) -> None:
    pairs.pairs += 1
    pairs.agree += agree
    pairs.difference.add(difference)


def _copy(pairs: Agreement) -> Agreement:
    return Agreement(pairs.pairs, pairs.agree, _copied(pairs.difference))


def _copied(moments: Moments) -> Moments:
    return Moments(moments.n, moments.total, moments.squares)


def _filled(bins: list[int]) -> Bins:
    return {number: count for number, count in enumerate(bins) if count}
