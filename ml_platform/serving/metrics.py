"""What the workers counted, as Prometheus reads it."""

import math
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ml_platform.release.evidence import LATENCY_BINS, Bins, Counts, latency_upper
from ml_platform.serving.counters import DOOR
from ml_platform.serving.worker_counts import Key, WorkerCounts

LABELS = ("model", "version", "role")
_TIMES = tuple(range(7, LATENCY_BINS, 4))
"""The bins of time that end a bucket: one an octave, from 4 microseconds on."""

_PROBABILITIES = tuple(range(-20, 20))
Of = Callable[[Counts], int]
WordsOf = Callable[[Counts], Mapping[str, int]]


def exposition(model: str, found: WorkerCounts, *, machine_hour_price: float | None) -> bytes:
    """Return the metrics of a model in Prometheus' text format.

    machine_hour_price: what the serving machine costs an hour; None gives no cost.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(model, found, machine_hour_price))
    return generate_latest(registry)


class _Collector:
    def __init__(self, model: str, found: WorkerCounts, price: float | None) -> None:
        self._model = model
        self._counts = dict(sorted(found.counts.items()))
        self._journal = found.journal
        self._price = price

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with the values of every version and role."""
        seen = {key: counts for key, counts in self._counts.items() if key != DOOR}
        yield self._numbers(
            "requests", "Records that were assigned to a version.", seen, lambda c: c.requests
        )
        yield self._numbers(
            "unknown_categories", "Values that no training row had.", seen,
            lambda c: c.unknown_categories,
        )  # fmt: skip
        yield self._numbers("nulls", "Null values in features.", seen, lambda c: c.nulls)
        yield self._numbers(
            "shadow_dropped", "Records that the shadow had no time for.", seen,
            lambda c: c.shadow_dropped,
        )  # fmt: skip
        yield self._words(
            "errors", "kind", "Good records without an answer of the version.", self._counts,
            lambda c: c.errors,
        )  # fmt: skip
        yield self._words(
            "refusals", "reason", "Requests that were refused.", self._counts, lambda c: c.refusals
        )
        yield self._words("predictions", "label", "Answers by class.", seen, lambda c: c.labels)
        yield from self._times(seen)
        yield self._scores(seen)
        yield from self._journaled()
        yield from self._cost(seen)

    def _numbers(self, name: str, text: str, counts: Mapping[Key, Counts], of: Of) -> Metric:
        family = CounterMetricFamily(f"ml_platform_{name}", text, labels=LABELS)
        for key, each in counts.items():
            family.add_metric([self._model, *key], of(each))
        return family

    def _words(
        self, name: str, label: str, text: str, counts: Mapping[Key, Counts], of: WordsOf
    ) -> Metric:
        family = CounterMetricFamily(f"ml_platform_{name}", text, labels=[*LABELS, label])
        for key, each in counts.items():
            for word, number in sorted(of(each).items()):
                family.add_metric([self._model, *key, word], number)
        return family

    def _times(self, counts: Mapping[Key, Counts]) -> Iterator[Metric]:
        for name, text, of in (
            ("request", "From the request to its answer.", _request_times),
            ("model", "Of the model within a request.", _model_times),
        ):
            family = HistogramMetricFamily(f"ml_platform_{name}_seconds", text, labels=LABELS)
            for key, each in counts.items():
                bins, total = of(each)
                family.add_metric([self._model, *key], _cumulated(bins), sum_value=total / 1e6)
            yield family

    def _scores(self, counts: Mapping[Key, Counts]) -> Metric:
        family = HistogramMetricFamily(
            "ml_platform_score", "Scores; of the positive or answered class.", labels=LABELS
        )
        for key, each in counts.items():
            family.add_metric([self._model, *key], _score_buckets(each), sum_value=each.score.total)
        return family

    def _journaled(self) -> Iterator[Metric]:
        for name, text in (
            ("records", "Records in the journal."),
            ("repeated", "Records not logged again, as their id was."),
            ("unlogged", "Answers that were not logged."),
            ("refused", "Requests refused as the journal could not be written."),
        ):
            family = CounterMetricFamily(f"ml_platform_journal_{name}", text, labels=["model"])
            family.add_metric([self._model], self._journal.get(name, 0))
            yield family

    def _cost(self, counts: Mapping[Key, Counts]) -> Iterator[Metric]:
        if self._price is None:
            return
        family = GaugeMetricFamily(
            "ml_platform_cost_per_1000_inferences",
            "Price of a worker's time for a thousand answers, at the declared machine hour.",
            labels=LABELS,
        )
        for key, each in counts.items():
            if each.answered > 0:
                hours = each.work_total / 1e6 / 3600
                family.add_metric([self._model, *key], 1000 * hours * self._price / each.answered)
        yield family


def _request_times(counts: Counts) -> tuple[Bins, float]:
    return counts.latency, counts.latency_total


def _model_times(counts: Counts) -> tuple[Bins, float]:
    return counts.model_latency, counts.model_latency_total


def _cumulated(bins: Bins) -> list[tuple[str, float]]:
    """One bucket an octave: the finer bins are for the verdicts."""
    bounds = [(latency_upper(number) / 1e6, number) for number in _TIMES]
    return _buckets(bins, bounds)


def _score_buckets(counts: Counts) -> list[tuple[str, float]]:
    """The same buckets for all probabilities; for values those that have any."""
    if counts.labels:
        bounds = [(1 / (1 + math.exp(-(number + 1) / 2)), number) for number in _PROBABILITIES]
    else:
        bounds = [(_value_upper(number), number) for number in sorted(counts.scores)]
    return _buckets(counts.scores, bounds)


def _buckets(bins: Bins, bounds: list[tuple[float, int]]) -> list[tuple[str, float]]:
    """Upper bounds as text, each with how many lie up to it; `bounds` also name the last bin."""
    buckets: list[tuple[str, float]] = [
        (f"{upper:.6g}", sum(count for number, count in bins.items() if number <= last))
        for upper, last in bounds
    ]
    return [*buckets, ("+Inf", sum(bins.values()))]


def _value_upper(number: int) -> float:
    """The upper bound of a `value_bin`."""
    if number > 0:
        return 2.0 ** (number / 8 - 40)
    return -(2.0 ** ((-number - 1) / 8 - 40)) if number < 0 else 2.0**-40
