"""The training data of a version are counted once for all reports that compare with them."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps import training_reference as step
from ml_platform.component.steps.training_reference import training_reference
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed

NAMES = ["income", "purpose"]


@dataclass
class Training:
    """A version, and which of its columns were read."""

    declaration: Declaration
    version: int = 1
    fingerprint: str = "f"
    read: list[str] = field(default_factory=list)

    def feature(self, name: str) -> pd.Series:
        self.read.append(name)
        rng = np.random.default_rng(1)
        values = rng.choice(["car", "house"], 400) if name == "purpose" else rng.normal(size=400)
        return pd.Series(values, name=name)

    @property
    def holdout_scores(self) -> pd.Series:
        self.read.append("scores")
        return pd.Series(np.random.default_rng(3).random(400))


def test_columns_and_scores_are_counted_once(declaration: Declaration, platform: Platform) -> None:
    training = Training(declaration)
    first, again = (training_reference(training, platform, NAMES) for _ in range(2))
    assert training.read == [*NAMES, "scores"]
    assert again == first
    assert sum((first.columns["purpose"].tally or {}).values()) == 400
    assert first.scores.keys() == {"prediction", "confidence"}


def test_another_version_training_test_or_column_is_counted_anew(
    declaration: Declaration, platform: Platform
) -> None:
    training_reference(Training(declaration), platform, NAMES)
    anew = [
        Training(declaration, version=2),
        Training(declaration, fingerprint="registered anew"),
        Training(changed(declaration, "  gates:\n", "  monitoring: {min_rows: 9}\n  gates:\n")),
    ]
    for training in anew:
        training_reference(training, platform, NAMES)
        assert training.read == [*NAMES, "scores"]
    found = training_reference(anew[-1], platform, [*NAMES, "years_employed"])
    assert found.columns.keys() == {*NAMES, "years_employed"}


def test_a_column_of_too_many_texts_is_not_kept(
    declaration: Declaration, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "MOST_VALUES", 1)
    training = Training(declaration)
    first, again = (training_reference(training, platform, NAMES) for _ in range(2))
    assert training.read == [*NAMES, "scores", "purpose", "purpose"]
    assert again == first
