import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from ml_platform.drift.bins import Binned
from ml_platform.drift.classifier_two_sample import ClassifierTwoSample
from ml_platform.drift.population_stability import PopulationStability

TEST = ClassifierTwoSample()
EVEN = np.full(10, 0.1)
EDGES = norm.ppf(np.linspace(0, 1, 11))
AT_THRESHOLD = np.diff(norm.cdf(EDGES - 0.4589))


def drawn(rng, rows, *shares):
    """Counts of bins in two samples, and none of nulls."""
    counts = [np.append(rng.multinomial(rows, share), 0) for share in shares]
    return Binned(tuple("abcdefghijk"), counts[0], counts[1], spacing=np.ones(9))


def verdicts(test, rows, current, *, times=300, seed=0):
    rng = np.random.default_rng(seed)
    return [
        test.judge(drawn(rng, rows, EVEN, current), name="x", seed=s).verdict for s in range(times)
    ]


@pytest.mark.parametrize(
    ("reference", "current", "gini"),
    [
        ([0.5, 0.3, 0.2], [0.5, 0.3, 0.2], 0.0),
        ([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5], 1.0),
        ([0.5, 0.5, 0.0], [0.0, 0.5, 0.5], 0.75),  # half of each is told, the rest is chance
        ([0.8, 0.2], [0.5, 0.5], 0.3),  # of two bins it is the difference of the shares
    ],
    ids=["identical", "disjoint", "half in common", "two bins"],
)
def test_gini_of_known_shares(reference, current, gini) -> None:
    p, q = np.array(reference), np.array(current)
    assert TEST.distance(p, q, None) == pytest.approx(gini, abs=1e-12)
    many = TEST.distance(np.tile(p, (3, 2, 1)), np.tile(q, (3, 2, 1)), None)
    assert many == pytest.approx(np.full((3, 2), gini), abs=1e-12)


def test_gini_is_that_of_ranking_every_row_by_its_likelihood_ratio() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.multinomial(300, EVEN), rng.multinomial(200, EVEN)
    p[3] = q[4] = q[5] = p[5] = 0
    shares = p / p.sum(), q / q.sum()
    ratio = shares[1] / np.maximum(sum(shares), 1e-9)
    scores = np.concatenate([np.repeat(ratio, p), np.repeat(ratio, q)])
    area = roc_auc_score(np.repeat([0, 1], [p.sum(), q.sum()]), scores)
    assert TEST.distance(*shares, None) == pytest.approx(2 * area - 1, abs=1e-12)


def test_held_out_gini_of_a_normal_that_moved_is_the_closed_form() -> None:
    rng = np.random.default_rng(1)
    a, b = (pd.Series(rng.normal(shift, 1, 200_000), name="x") for shift in (0, 0.5))
    exact = 2 * norm.cdf(0.5 / np.sqrt(2)) - 1
    found = ClassifierTwoSample(bins=100).compare(a, b)
    assert found.value == pytest.approx(exact, abs=0.005)
    assert found.low < exact < found.high


def test_default_threshold_is_the_shift_of_a_psi_of_a_fifth() -> None:
    assert TEST.distance(EVEN, AT_THRESHOLD, None) == pytest.approx(TEST.threshold, abs=1e-4)
    index = PopulationStability()
    assert index.distance(EVEN, AT_THRESHOLD, None) == pytest.approx(index.threshold, abs=1e-3)


def test_what_is_learned_of_chance_does_not_count() -> None:
    rng = np.random.default_rng(2)
    samples = [drawn(rng, 400, EVEN, EVEN) for _ in range(100)]
    seen = [TEST.distance(s.reference / 400, s.current / 400, None) for s in samples]
    held_out = [TEST.noise(s, alarms=0.01, seed=i).value for i, s in enumerate(samples)]
    assert np.mean(seen) > 0.08, "on the rows that it learned from, chance looks like drift"
    assert np.median(held_out) < 0.01


@pytest.mark.parametrize("rows", [100, 100_000])
def test_chance_is_significant_in_one_of_a_hundred_at_any_size(rows) -> None:
    strict = ClassifierTwoSample(threshold=1e-6)
    found = verdicts(strict, rows, EVEN)
    assert found.count("drifted") <= 8
    assert "stable" not in found


@pytest.mark.parametrize("rows", [1_000, 1_000_000])
def test_shift_of_the_threshold_is_stable_in_one_of_a_hundred_at_any_size(rows) -> None:
    assert verdicts(TEST, rows, AT_THRESHOLD).count("stable") <= 8
    assert set(verdicts(TEST, rows, EVEN, times=50)) == {"stable"}


def test_same_seed_says_the_same_and_another_about_that() -> None:
    counted = drawn(np.random.default_rng(3), 5_000, EVEN, AT_THRESHOLD)
    found = [TEST.judge(counted, name="x", seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[2].value == pytest.approx(found[0].value, abs=0.01)


def test_half_without_rows_tells_nothing() -> None:
    counted = Binned(("a", "b", "c"), np.array([1, 0, 0]), np.array([0, 1, 0]), spacing=None)
    found = TEST.judge(counted, name="x")
    assert (found.verdict, found.value, found.high) == ("unclear", 0.0, 1.0)
