import math

from hypothesis import given
from hypothesis import strategies as st

from ml_platform.release.evidence import (
    Agreement,
    Counts,
    Moments,
    difference_bin,
    latency_bin,
    latency_upper,
    probability_bin,
    quantile,
    total,
    value_bin,
)

NUMBERS = st.integers(0, 10**9)
BINS = st.dictionaries(st.integers(-60, 95), st.integers(1, 10**6), max_size=5)
NAMED = st.dictionaries(st.text(max_size=5), st.integers(1, 10**6), max_size=3)
EXACT = st.integers(-(2**40), 2**40).map(float)  # sums of whole numbers have one result
MOMENTS = st.builds(Moments, st.integers(1, 10**6), EXACT, EXACT)
AGREEMENT = st.builds(Agreement, st.integers(1, 10**6), NUMBERS, MOMENTS)
COUNTS = st.builds(
    Counts,
    requests=NUMBERS,
    errors=NAMED,
    refusals=NAMED,
    latency=BINS,
    latency_total=EXACT,
    model_latency=BINS,
    model_latency_total=EXACT,
    scores=BINS,
    score=MOMENTS,
    labels=NAMED,
    unknown_categories=NUMBERS,
    nulls=NUMBERS,
    shadow=AGREEMENT,
    differences=BINS,
    shadow_dropped=NUMBERS,
    slices=st.dictionaries(st.text(max_size=5), AGREEMENT, max_size=2),
    quality=st.dictionaries(st.sampled_from(["brier", "log_loss"]), MOMENTS, max_size=2),
)


@given(COUNTS, COUNTS, COUNTS)
def test_counts_add_up_in_any_order_and_none_is_changed(a: Counts, b: Counts, c: Counts) -> None:
    before = a.to_json()
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Counts() == a == total([a])
    assert a.to_json() == before


@given(COUNTS)
def test_counts_come_back_from_json_as_they_were(counts: Counts) -> None:
    assert Counts.from_json(counts.to_json()) == counts


def test_nothing_takes_no_room_and_unknown_fields_are_passed_over() -> None:
    assert Counts().to_json() == "{}"
    assert Counts.from_json('{"requests": 3, "of_next_year": [1]}') == Counts(requests=3)


@given(st.floats(min_value=1e-3, max_value=1.6e7))
def test_a_time_lies_in_its_bin(microseconds: float) -> None:
    number = latency_bin(microseconds)
    assert microseconds <= latency_upper(number) * (1 + 1e-9)
    assert number == 0 or microseconds >= latency_upper(number - 1) * (1 - 1e-9)


@given(st.floats(0, 1), st.floats(0, 1))
def test_bins_keep_the_order_of_probabilities(one: float, other: float) -> None:
    assert (probability_bin(one) <= probability_bin(other)) or one > other


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_bins_keep_the_order_of_values_and_differences(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    assert value_bin(low) <= value_bin(high)
    assert value_bin(-low) == -value_bin(low)
    if not math.isinf(low) and not math.isinf(high):
        assert difference_bin(low) <= difference_bin(high)


def test_moments_give_mean_and_variance() -> None:
    moments = Moments()
    assert (moments.mean, moments.variance) == (None, None)
    for value in (1.0, 2.0, 6.0):
        moments.add(value)
    assert (moments.mean, moments.variance) == (3.0, 7.0)


def test_quantile_is_the_upper_bound_of_its_bin() -> None:
    assert quantile({}, 0.5) is None
    bins = {latency_bin(100): 99, latency_bin(5000): 1}
    p50, p99, p100 = (quantile(bins, share) for share in (0.5, 0.99, 1.0))
    assert p50 == p99
    assert p50 is not None
    assert 100 <= p50 < 120
    assert p100 is not None
    assert p100 >= 5000


def test_requests_are_answered_failed_or_refused() -> None:
    counts = Counts(requests=10, errors={"raised": 1, "timeout": 2}, refusals={"missing": 3})
    assert counts.answered == 4
