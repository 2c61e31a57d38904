import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from ml_platform.feedback.estimate import Scores, estimate


def binned(p: np.ndarray, known: tuple[np.ndarray, np.ndarray] | None = None) -> Scores:
    """Scores in fifty bins, decided at a half; known: scores and outcomes of matured ones."""
    edges = np.linspace(0, 1, 51)[1:-1]
    place = np.searchsorted(edges, p)
    decided = np.stack([np.bincount(place[(p >= 0.5) == d], minlength=50) for d in (0, 1)], axis=1)
    mean = np.bincount(place, p, minlength=50) / np.maximum(np.bincount(place, minlength=50), 1)
    labeled, positive = np.zeros(50, np.int64), np.zeros(50, np.int64)
    if known is not None:
        there = np.searchsorted(edges, known[0])
        labeled = np.bincount(there, minlength=50)
        positive = np.bincount(there[known[1]], minlength=50)
    return Scores(mean, decided, labeled, positive)


def true_metrics(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    d = p >= 0.5
    return {
        "accuracy": float((d == y).mean()),
        "precision": precision_score(y, d),
        "recall": recall_score(y, d),
        "f1": f1_score(y, d),
        "roc_auc": roc_auc_score(y, p),
        "brier": float(np.square(p - y).mean()),
    }


def test_calibrated_probabilities_tell_every_metric_without_a_label():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 2, 20_000)
    y = rng.random(20_000) < p
    found = estimate(binned(p), seed=1)
    assert found.calibrated_on == 0
    assert "not calibrated" in found.caution
    for key, value in true_metrics(p, y).items():
        assert found.metrics[key].value == pytest.approx(value, abs=0.015), key


def test_overconfident_scores_are_calibrated_on_what_matured():
    rng = np.random.default_rng(0)
    truth = rng.beta(1, 2, 20_000)
    score = np.clip(1.6 * (truth - 0.3) + 0.3, 0.001, 0.999)
    old, new = slice(0, 10_000), slice(10_000, None)
    y = rng.random(20_000) < truth
    found = estimate(binned(score[new], (score[old], y[old])), seed=1)
    blind = estimate(binned(score[new]), seed=1)
    accuracy = true_metrics(score[new], y[new])["accuracy"]
    assert found.metrics["accuracy"].value == pytest.approx(accuracy, abs=0.015)
    assert abs(blind.metrics["accuracy"].value - accuracy) > 0.02


def test_the_interval_holds_what_comes():
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = rng.beta(1, 2, 1500)
        y = rng.random(1500) < p
        known = (p[:700], y[:700])
        found = estimate(binned(p[700:], known), seed=seed, rounds=200).metrics["accuracy"]
        inside += found.low <= true_metrics(p[700:], y[700:])["accuracy"] <= found.high
    assert inside >= 52


def test_a_metric_that_is_not_defined_is_left_out():
    found = estimate(binned(np.full(300, 0.1)), seed=0)
    assert "precision" not in found.metrics
    assert found.metrics["accuracy"].value == pytest.approx(0.9)
