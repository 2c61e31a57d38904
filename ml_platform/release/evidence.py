"""What was seen of a version while it was on its way: counts that add up, small as JSON.

Nothing but the standard library: every worker of the service makes these, each second.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Bins = dict[int, int]
"""A histogram: how many by the number of the bin; a bin without any is left out."""

LATENCY_BINS = 96
MOST_SLICES = 50
"""A worker counts this many slices by name, and the rest as `OTHER_SLICE`."""
OTHER_SLICE = "(other)"

_LEAST_DIFFERENCE = 1e-6


def latency_bin(microseconds: float) -> int:
    """Return the bin of a time: four an octave, from 1 microsecond to 16.8 s, clipped.

    >>> latency_bin(0.5), latency_bin(1), latency_bin(250), latency_bin(1e9)
    (0, 0, 31, 95)
    """
    if microseconds <= 1.0:
        return 0
    return min(int(4.0 * math.log2(microseconds)), LATENCY_BINS - 1)


def latency_upper(number: int) -> float:
    """Return the upper bound of a bin, microseconds."""
    return 2.0 ** ((number + 1) / 4.0)


def probability_bin(score: float) -> int:
    """Return the bin of a score in [0, 1]: half a unit of the logit wide, -20 to 20, clipped.

    Even where all probabilities are near 0 or 1 they fall into bins of their own.

    >>> probability_bin(0.0), probability_bin(0.01), probability_bin(0.5), probability_bin(1.0)
    (-20, -10, 0, 19)
    """
    if score <= 0.0:
        return -20
    if score >= 1.0:
        return 19
    return max(-20, min(19, math.floor(2.0 * math.log(score / (1.0 - score)))))


def value_bin(value: float) -> int:
    """Return the bin of any number: eight an octave on each side of 0, 9 % wide.

    Bins that need no knowledge of the values are the same in every worker and version.

    >>> value_bin(0.0), value_bin(100.0), value_bin(-100.0), value_bin(101.0)
    (0, 374, -374, 374)
    """
    size = abs(value)
    if size < 2.0**-40:
        return 0
    number = int(8.0 * (min(math.log2(size), 64.0) + 40.0)) + 1
    return number if value > 0 else -number


def difference_bin(difference: float) -> int:
    """Return the bin of candidate's score minus champion's: of its size, four a decade.

    0 is less than 1e-6; the sign is that of the difference.

    >>> difference_bin(0.0), difference_bin(1e-3), difference_bin(-0.05)
    (0, 13, -19)
    """
    size = abs(difference)
    if size < _LEAST_DIFFERENCE:
        return 0
    number = int(min(4.0 * math.log10(size / _LEAST_DIFFERENCE) + 1e-9, 60.0)) + 1
    return number if difference > 0 else -number


def difference_bounds(number: int) -> tuple[float, float]:
    """Return the power of ten that a `difference_bin` lies in, with its sign: from, to.

    >>> difference_bounds(13), difference_bounds(-19), difference_bounds(0)
    ((0.001, 0.01), (-0.1, -0.01), (-1e-06, 1e-06))
    """
    if number == 0:
        return -_LEAST_DIFFERENCE, _LEAST_DIFFERENCE
    exponent = (abs(number) - 1) // 4 - 6
    low, high = float(f"1e{exponent}"), float(f"1e{exponent + 1}")
    return (low, high) if number > 0 else (-high, -low)


@dataclass(slots=True)
class Moments:
    """Number, sum and sum of squares of a value."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.n += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float | None:
        """The mean; None without values."""
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float | None:
        """The variance, not below 0; None with fewer than two values."""
        if self.n < 2:
            return None
        spread = self.squares - self.total * self.total / self.n
        return max(spread, 0.0) / (self.n - 1)


@dataclass(slots=True)
class Agreement:
    """A candidate in shadow against the champion on the same records.

    pairs: records that both answered; agree: with the same prediction.
    difference: of the scores, candidate's minus champion's.
    """

    pairs: int = 0
    agree: int = 0
    difference: Moments = field(default_factory=Moments)


@dataclass(slots=True)
class Counts:
    """What one version did in one role at one step of a release. Two of them add up.

    requests: every record that was assigned to the version, answered or not.
    errors: by kind, such as "raised", "not_finite", "timeout". refusals: by reason.
    latency, model_latency: `latency_bin` of a request, and of the model within it;
        latency_total, model_latency_total: their sums, microseconds.
    work_total: microseconds that workers were busy with the requests: without the time that a
        request waited for its body or for the journal.
    scores: `probability_bin` (classification: of the positive class, or of the answered one) or
        `value_bin` (regression); score: moments of the same.
    labels: answered predictions by their JSON text; none for regression.
    unknown_categories, nulls: values in features, not records.
    shadow: agreement as a whole; slices: by "column=value", at most `MOST_SLICES` a worker.
    differences: `difference_bin` of the scores of the pairs.
    shadow_dropped: records that the shadow had no time for.
    quality: by metric, the moments of its loss a row once labels are known: log_loss, brier,
        error (0 or 1), squared_error, absolute_error; lower is better.
    """

    requests: int = 0
    errors: dict[str, int] = field(default_factory=dict[str, int])
    refusals: dict[str, int] = field(default_factory=dict[str, int])
    latency: Bins = field(default_factory=dict[int, int])
    latency_total: float = 0.0
    model_latency: Bins = field(default_factory=dict[int, int])
    model_latency_total: float = 0.0
    work_total: float = 0.0
    scores: Bins = field(default_factory=dict[int, int])
    score: Moments = field(default_factory=Moments)
    labels: dict[str, int] = field(default_factory=dict[str, int])
    unknown_categories: int = 0
    nulls: int = 0
    shadow: Agreement = field(default_factory=Agreement)
    differences: Bins = field(default_factory=dict[int, int])
    shadow_dropped: int = 0
    slices: dict[str, Agreement] = field(default_factory=dict[str, Agreement])
    quality: dict[str, Moments] = field(default_factory=dict[str, Moments])

    def __add__(self, other: "Counts") -> "Counts":
        """Return the counts of both; neither is changed."""
        both: dict[str, Any] = {
            name: _sum(getattr(self, name), getattr(other, name)) for name in _NAMES
        }
        return Counts(**both)

    @property
    def answered(self) -> int:
        """Records that got a prediction of this version."""
        return self.requests - sum(self.errors.values()) - sum(self.refusals.values())

    @property
    def mean_model_time(self) -> float | None:
        """Mean time of the model, microseconds; None where none was measured."""
        timed = sum(self.model_latency.values())
        return self.model_latency_total / timed if timed else None

    def to_json(self) -> str:
        """Return compact JSON; what is zero is left out."""
        return json.dumps(_plain(self), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Counts":
        """Read what `to_json` wrote; a field that this version does not know is passed over."""
        read: dict[str, Any] = json.loads(text)
        known: dict[str, Any] = {name: _READ[name](read[name]) for name in _NAMES if name in read}
        return cls(**known)


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum; of nothing it is empty, of one it is that one."""
    found = list(counts)
    return sum(found[1:], start=found[0]) if found else Counts()


def quantile(bins: Bins, share: float) -> float | None:
    """Return a quantile of times, microseconds: the upper bound of its bin; None without any."""
    wanted, seen = share * sum(bins.values()), 0
    for number in sorted(bins):
        seen += bins[number]
        if seen >= wanted:
            return latency_upper(number)
    return None


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, Moments):
        return Moments(one.n + other.n, one.total + other.total, one.squares + other.squares)
    if isinstance(one, Agreement):
        difference = _sum(one.difference, other.difference)
        return Agreement(one.pairs + other.pairs, one.agree + other.agree, difference)
    if isinstance(one, dict):
        both: dict[Any, Any] = {**one}
        for key, value in other.items():
            both[key] = _sum(both[key], value) if key in both else value
        return both
    return one + other


def _plain(value: Any) -> Any:
    if isinstance(value, (Counts, Agreement)):
        named = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        return {name: content for name, content in named.items() if content}
    if isinstance(value, Moments):
        return [value.n, value.total, value.squares] if value.n else []
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items() if each}
    return value


def _bins(read: Mapping[str, int]) -> Bins:
    return {int(key): count for key, count in read.items()}


def _moments(read: list[Any]) -> Moments:
    return Moments(*read)


def _agreement(read: Mapping[str, Any]) -> Agreement:
    difference = _moments(read.get("difference", []))
    return Agreement(read.get("pairs", 0), read.get("agree", 0), difference)


def _as_it_is(read: Any) -> Any:
    return read


_NAMES = tuple(each.name for each in fields(Counts))
_READ = dict[str, Callable[[Any], Any]].fromkeys(_NAMES, _as_it_is) | {
    "latency": _bins,
    "model_latency": _bins,
    "scores": _bins,
    "differences": _bins,
    "score": _moments,
    "shadow": _agreement,
    "slices": lambda read: {name: _agreement(each) for name, each in read.items()},
    "quality": lambda read: {name: _moments(each) for name, each in read.items()},
}
