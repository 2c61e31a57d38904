"""The small model, calibrated: deterministic, within its budget, clear where it cannot be."""

import itertools
from pathlib import Path

import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps.calibrate import calibrate_model
from ml_platform.component.steps.equal_models import plan
from ml_platform.exceptions import CalibrationError, SnapshotNotFound
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform_tests.component.running import small_credit
from ml_platform_tests.models.small_credit.source import load


@pytest.fixture
def validated(platform: Platform) -> Platform:
    """Stores that hold the rows that keep the contract."""
    platform.snapshots.write("small_credit/validated_data", load())
    return platform


def seconds_apart(step: float):
    """A clock that is asked and goes on by so much."""
    times = itertools.count()
    return lambda: next(times) * step


def test_any_stop_of_the_plan_is_of_use():
    fits = plan(4, seed=7)
    assert [(fit.kind, fit.number) for fit in fits[:6]] == [
        ("resampled", 0),
        ("resampled", 1),
        ("resampled", 2),
        ("whole", 0),
        ("resampled", 3),
        ("whole", 1),
    ]
    assert {fit.seed for fit in fits} == {7, 8, 9, 10}
    assert len(fits) == 8


def test_the_same_seeds_give_the_same_fits_and_proposals(declaration, validated):
    first, second = (
        calibrate_model(declaration, validated, seeds=3, budget=600, margin=0.5) for _ in range(2)
    )
    assert [fit.metrics for fit in first.fits] == [fit.metrics for fit in second.fits]
    assert first.proposals == second.proposals
    assert [each.check for each in first.proposals] == ["minimum_metric_roc_auc"]
    assert sorted(first.timings) == [1, 64]
    assert len(first.timings[1]) == len(first.fits) == 5  # no third: the seed changes nothing
    assert first.seed_matters is False


def test_a_model_that_draws_by_lot_is_fitted_on_all_rows_with_every_seed(tmp_path, validated):
    declaration = subsampling(tmp_path / "drawn")
    found = calibrate_model(declaration, validated, seeds=3, budget=600, margin=0.5)
    assert found.seed_matters is True
    assert len(found.fits) == 6
    assert found.stopped == ""
    assert len(set(found.values("roc_auc", kind="whole"))) == 3


def test_it_stops_when_the_budget_is_spent_and_says_how_many_fits_it_made(declaration, validated):
    found = calibrate_model(
        declaration, validated, seeds=10, budget=20, margin=0.5, clock=seconds_apart(1)
    )
    assert 3 <= len(found.fits) < 12
    assert "the budget of 20 s is spent" in found.stopped
    assert found.made.startswith(f"{len(found.fits)} of 20 fits")


def test_a_budget_too_small_for_three_fits_is_an_error(declaration, validated):
    with pytest.raises(CalibrationError, match=r"enough for 1 of the 3 fits.*--budget"):
        calibrate_model(
            declaration, validated, seeds=10, budget=10, margin=0.5, clock=seconds_apart(4)
        )


def test_without_validated_data_it_says_what_to_run(declaration, platform):
    with pytest.raises(SnapshotNotFound, match="ml-platform train small_credit"):
        calibrate_model(declaration, platform, seeds=3, budget=600, margin=0.5)


def subsampling(folder: Path) -> Declaration:
    file = small_credit(folder).file
    file.write_text(
        file.read_text("utf-8").replace("max_depth: 3,", "max_depth: 3, subsample: 0.5,")
    )
    return load_declaration(file)
