"""A version scores its holdout once, for as long as the same holdout is asked for."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps.scored_holdout import scored_holdout
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed


def version(number: int, fingerprint: str = "f") -> Any:
    return SimpleNamespace(version=number, tags={"fingerprint": fingerprint})


class Loads:
    """Gives a version that was loaded, and counts how often."""

    def __init__(self, scores: Any) -> None:
        self.judged = SimpleNamespace(
            scores=np.array(scores), target=np.arange(len(scores), dtype=np.int64)
        )
        self.times = 0

    def __call__(self) -> Any:
        self.times += 1
        return self.judged


@pytest.mark.parametrize(
    ("scores", "logged", "outcomes"),
    [
        ([0.25, 1.0, 5e-324], [0.25, 1.0, 5e-324], [0, 1, 2]),
        ([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3]], [0.5, 0.5], [0, 1]),  # the second is right
        ([-3.5, 1e300], [-3.5, 1e300], [0, 1]),
    ],
)
def test_what_was_kept_is_what_was_scored(
    declaration: Declaration,
    platform: Platform,
    scores: Any,
    logged: list[float],
    outcomes: list[int],
) -> None:
    loads = Loads(scores)
    first, again = (scored_holdout(declaration, platform, version(3), loads) for _ in range(2))
    assert loads.times == 1
    assert first["prediction"].tolist() == again["prediction"].tolist() == logged
    assert first["outcome"].tolist() == again["outcome"].tolist() == outcomes


def test_another_version_is_scored_by_itself_whatever_is_declared_since(
    declaration: Declaration, platform: Platform
) -> None:
    loads = Loads([0.5])
    for asked in (version(1), version(2)):
        scored_holdout(declaration, platform, asked, loads)
    assert loads.times == 2
    scored_holdout(declaration, platform, version(2, "registered anew"), loads)
    assert loads.times == 3
    other = changed(declaration, "holdout: 0.2,", "holdout: 0.5,")
    scored_holdout(other, platform, version(2), loads)
    assert loads.times == 3
