from datetime import timedelta

import pytest
from pydantic import ValidationError

from ml_platform.spec.feedback import FeedbackSpec


def test_the_delay_is_all_that_must_be_said():
    spec = FeedbackSpec.model_validate({"label_delay": "1d"})
    assert spec.label_delay == timedelta(days=1)
    assert spec.window == timedelta(days=7)
    assert spec.audit.enforce == "block"
    assert spec.exploration is None


def test_an_empty_window_is_refused():
    with pytest.raises(ValidationError, match="window is empty"):
        FeedbackSpec.model_validate({"label_delay": "1d", "window": "0s"})


@pytest.mark.parametrize("kpi", [{"name": "a"}, {"name": "a", "sql": "x", "function": "m:f"}])
def test_a_business_figure_has_one_definition(kpi):
    with pytest.raises(ValidationError, match="either `sql` or `function`"):
        FeedbackSpec.model_validate({"label_delay": "1d", "kpis": [kpi]})


def test_two_business_figures_of_one_name_are_refused():
    kpi = {"name": "a", "sql": "SELECT 1"}
    with pytest.raises(ValidationError, match="have one name: a, a"):
        FeedbackSpec.model_validate({"label_delay": "1d", "kpis": [kpi, kpi]})
