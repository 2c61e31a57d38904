import pytest
from pydantic import ValidationError

from ml_platform.release.ab_test import LOSSES
from ml_platform.release.plan import Stage, plan_of
from ml_platform.spec.release import AB_METRICS, ReleaseSpec


def way(**declared: object) -> list[tuple[str, float]]:
    plan = plan_of(ReleaseSpec.model_validate(declared))
    assert plan is not None
    return [(step.stage.value, step.percent) for step in plan.steps]


def test_a_version_is_champion_at_once_where_no_step_is_declared() -> None:
    assert plan_of(ReleaseSpec()) is None
    assert plan_of(ReleaseSpec(type="progressive")) is None


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"approval": "required"}, [("approval", 0)]),
        ({"approval": "before_full"}, [("final_approval", 0)]),
        ({"shadow": {}}, [("shadow", 0)]),
        (
            {
                "approval": "before_full",
                "shadow": {"min_predictions": 500},
                "canary": {"percent": 5},
                "ramp": [25, 50, 100],
            },
            [
                ("shadow", 0),
                ("canary", 5),
                ("ramp", 25),
                ("ramp", 50),
                ("final_approval", 50),
            ],
        ),
        (
            {"type": "ab_test", "metric": "accuracy", "percent": 50, "approval": "required"},
            [("approval", 0), ("ab_test", 50)],
        ),
    ],
)
def test_the_way_is_what_the_declaration_says(
    declared: dict[str, object], expected: list[tuple[str, float]]
) -> None:
    assert way(**declared) == expected


def test_steps_know_how_many_predictions_they_need() -> None:
    spec = ReleaseSpec.model_validate(
        {"shadow": {"min_predictions": 7}, "canary": {"min_predictions": 8}, "ramp": [50]}
    )
    plan = plan_of(spec)
    assert plan is not None
    assert [step.min_predictions for step in plan.steps] == [7, 8, 1000]
    assert plan.steps[0].stage is Stage.SHADOW


def test_a_release_that_is_not_automatic_needs_steps_to_wait_at() -> None:
    plan = plan_of(ReleaseSpec.model_validate({"automatic": False, "canary": {}}))
    assert plan is not None
    assert not plan.automatic
    with pytest.raises(ValidationError, match="declare approval, shadow, canary or ramp"):
        ReleaseSpec.model_validate({"automatic": False})


def test_an_ab_test_compares_what_adds_up_over_rows_and_refuses_the_rest() -> None:
    assert set(AB_METRICS) == set(LOSSES)
    for metric in ("roc_auc", None):
        with pytest.raises(ValidationError, match="valid: accuracy, brier, log_loss, mae, rmse"):
            ReleaseSpec(type="ab_test", metric=metric)
