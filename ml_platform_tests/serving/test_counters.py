from ml_platform.release.evidence import MOST_SLICES, OTHER_SLICE, latency_bin
from ml_platform.serving.counters import Counters, Tally, summed


def test_answers_errors_and_refusals_are_all_requests():
    tally = Tally()
    tally.answered(100, 80, 0.9, "late")
    tally.took(120)
    tally.answered(70, 50, 0.1, "on time")
    tally.took(90)
    tally.failed("raised")
    tally.refused("missing")
    tally.refused("missing")

    counts = tally.counts()

    assert (counts.requests, counts.answered) == (5, 2)
    assert (counts.errors, counts.refusals) == ({"raised": 1}, {"missing": 2})
    assert counts.labels == {'"late"': 1, '"on time"': 1}
    assert counts.latency == {latency_bin(120): 1, latency_bin(90): 1}
    assert (counts.latency_total, counts.model_latency_total) == (210.0, 130.0)
    assert counts.work_total == 170.0
    assert counts.score.mean == 0.5


def test_times_are_in_the_bins_of_the_release_evidence():
    for microseconds in (0, 1, 2, 3, 250, 1_000_000, 10**9):
        tally = Tally()
        tally.answered(microseconds, microseconds, 0.5, 1)
        tally.took(microseconds)
        assert tally.counts().model_latency == {latency_bin(microseconds): 1}
        assert tally.counts().latency == {latency_bin(microseconds): 1}


def test_values_of_a_regression_are_counted_without_labels():
    tally = Tally(is_value=True)
    tally.answered(1, 1, -1234.5, -1234.5)

    assert tally.counts().labels == {}
    assert list(tally.counts().scores.values()) == [1]


def test_pairs_are_counted_by_slice_and_the_rest_together():
    tally = Tally()
    for number in range(MOST_SLICES + 5):
        tally.compared(agree=number % 2 == 0, difference=0.1, slices=[f"tail={number}"])

    counts = tally.counts()

    assert counts.shadow.pairs == MOST_SLICES + 5
    assert len(counts.slices) == MOST_SLICES + 1
    assert counts.slices[OTHER_SLICE].pairs == 5


def test_each_step_is_counted_by_itself_and_nothing_is_lost():
    counters = Counters()
    before = counters.of("1", "champion")
    before.answered(1, 1, 0.5, 0)
    counters.begin_step(7)
    before.answered(1, 1, 0.5, 0)  # a request that was under way
    counters.of("1", "champion").answered(1, 1, 0.5, 0)
    counters.begin_step(9)

    assert counters.steps()[7]["1", "champion"].requests == 1
    assert counters.steps()[9] == {}
    assert counters.snapshot()["1", "champion"].requests == 3


def test_counts_are_a_copy():
    tally = Tally()
    counts = tally.counts()
    tally.answered(1, 1, 0.5, 0)
    tally.failed("raised")
    assert (counts.requests, counts.errors) == (0, {})


def test_sum_has_what_either_has():
    one, other = Counters(), Counters()
    one.of("1", "champion").failed("raised")
    other.of("1", "champion").failed("raised")
    other.of("2", "candidate").failed("raised")

    both = summed(one.snapshot(), other.snapshot())

    assert both["1", "champion"].errors == {"raised": 2}
    assert both["2", "candidate"].errors == {"raised": 1}
