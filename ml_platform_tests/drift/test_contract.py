import numpy as np
import pytest

from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest
from ml_platform.testing.drift import check_drift_test


@pytest.mark.parametrize("name", DRIFT_TESTS.names())
def test_every_drift_test_keeps_the_contract(name: str) -> None:
    check_drift_test(DRIFT_TESTS.parse({"type": name}))


class Hellinger(DriftTest):
    """A test of another package."""

    type: str = "hellinger"
    threshold: float = 0.15

    def distance(self, reference, current, spacing):
        roots = np.sqrt(reference) - np.sqrt(current)
        return np.sqrt((roots**2).sum(axis=-1) / 2)


def test_test_of_another_package_needs_a_distance_only() -> None:
    check_drift_test(DRIFT_TESTS.parse({"type": f"{__name__}:Hellinger"}))
