import math

import numpy as np
import pytest

from ml_platform.evaluation.metrics.metric import METRICS
from ml_platform.release.evidence import Counts, Moments
from ml_platform.release.quality import (
    UNKNOWN,
    losses_of_classes,
    losses_of_values,
    moments_of,
)


def test_binary_losses_have_the_means_that_the_metrics_have() -> None:
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.random(200), [0.0, 1.0]])
    actual = np.concatenate([(rng.random(200) < 0.4).astype(np.int64), [1, 0]])
    losses = losses_of_classes(actual, (scores >= 0.5).astype(np.int64), scores)
    means = {name: loss.mean for name, loss in moments_of(losses).items()}
    measured = {
        key: METRICS.parse({"type": key}).measure(actual, scores)
        for key in ("log_loss", "brier", "accuracy")
    }
    assert means["log_loss"] == pytest.approx(measured["log_loss"])
    assert means["brier"] == pytest.approx(measured["brier"])
    assert means["error"] == pytest.approx(1 - measured["accuracy"])


def test_losses_of_several_classes_have_the_means_that_the_metrics_have() -> None:
    rng = np.random.default_rng(2)
    scores = rng.dirichlet([1, 1, 1], 100)
    actual = rng.integers(0, 3, 100)
    losses = losses_of_classes(actual, scores.argmax(axis=1), scores)
    assert set(losses) == {"error", "log_loss", "brier"}
    for key in ("log_loss", "brier"):
        measured = METRICS.parse({"type": key}).measure(actual, scores)
        assert losses[key].mean() == pytest.approx(measured)
    assert losses["error"].mean() == np.mean(actual != scores.argmax(axis=1))


def test_a_class_that_the_version_does_not_know_got_no_probability() -> None:
    scores = np.array([[0.5, 0.5], [0.1, 0.9]])
    losses = losses_of_classes(np.array([UNKNOWN, 1]), np.array([0, 1]), scores)
    assert losses["error"].tolist() == [1, 0]
    assert losses["log_loss"].tolist() == pytest.approx([-math.log(2**-52), -math.log(0.9)])
    assert losses["brier"].tolist() == pytest.approx([0.5**2 + 0.5**2, 0.1**2 + 0.1**2])
    binary = losses_of_classes(np.array([UNKNOWN]), np.array([0]), np.array([0.3]))
    assert binary["log_loss"].tolist() == pytest.approx([-math.log(2**-52)])


def test_a_row_without_scores_counts_only_for_its_decision() -> None:
    scores = np.array([[np.nan, np.nan], [0.2, 0.8]])
    found = moments_of(losses_of_classes(np.array([0, 1]), np.array([1, 1]), scores))
    assert (found["error"].n, found["error"].total) == (2, 1.0)
    assert found["log_loss"].n == found["brier"].n == 1


def test_losses_of_values_and_numbers_too_large_to_square() -> None:
    found = moments_of(losses_of_values(np.array([1.0, 2.0, 1e200]), np.array([3.0, 2.0, -1e200])))
    assert found["squared_error"] == Moments(2, 4.0, 16.0)
    assert found["absolute_error"] == Moments(2, 2.0, 4.0)
    assert Counts.from_json(Counts(quality=found).to_json()).quality == found
