import numpy as np
import pytest

from ml_platform.task import Task
from ml_platform.training.loss import constant_loss, loss


def test_losses_are_those_of_scikit_learn():
    from sklearn.metrics import log_loss, mean_squared_error

    rng = np.random.default_rng(0)
    binary, scores = rng.integers(0, 2, 50), rng.random(50)
    assert loss(binary, scores, Task.BINARY) == pytest.approx(log_loss(binary, scores))
    codes, shares = rng.integers(0, 3, 50), rng.dirichlet([1, 1, 1], 50)
    assert loss(codes, shares, Task.MULTICLASS) == pytest.approx(log_loss(codes, shares))
    values = rng.normal(size=50)
    assert loss(values, scores, Task.REGRESSION) == pytest.approx(
        mean_squared_error(values, scores)
    )


def test_the_constant_answer_is_the_share_or_the_mean():
    assert constant_loss(np.array([0, 1]), Task.BINARY) == pytest.approx(np.log(2))
    assert constant_loss(np.array([0, 1, 2]), Task.MULTICLASS) == pytest.approx(np.log(3))
    assert constant_loss(np.array([1.0, 3.0]), Task.REGRESSION) == pytest.approx(1.0)


def test_a_sure_and_wrong_score_has_a_finite_loss():
    assert np.isfinite(loss(np.array([1]), np.array([0.0]), Task.BINARY))
