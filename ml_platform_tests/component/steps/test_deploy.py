"""Which rows of the holdout a service is asked about before its release."""

from typing import Any

import pytest

from ml_platform.component.steps.deploy import asked_places
from ml_platform.gates.gate import GATES

LOAD = {"type": "load_test", "p95_ms": 50}


@pytest.mark.parametrize(
    ("rows", "declared", "asked"),
    [
        (400, [{"type": "service_smoke"}], 200),
        (400, [{"type": "service_smoke", "records": 300}], 300),
        (400, [LOAD, {"type": "service_smoke", "records": 2}], 200),
        (400, [{"type": "service_smoke", "records": 5_000}], 400),
        (3, [{"type": "service_smoke"}], 3),
        (0, [{"type": "service_smoke"}], 0),
    ],
)
def test_as_many_rows_are_asked_as_a_gate_wants_and_the_holdout_has(
    rows: int, declared: list[dict[str, Any]], asked: int
) -> None:
    places = asked_places(rows, [GATES.parse(each) for each in declared]).tolist()
    assert len(places) == len(set(places)) == asked
    assert places == sorted(places)
    if rows:
        assert (places[0], places[-1]) == (0, rows - 1), "the oldest and the latest"
