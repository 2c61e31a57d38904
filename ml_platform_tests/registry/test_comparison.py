from datetime import UTC, datetime

import pytest

from ml_platform.evaluation.baseline import Baseline
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.registry.comparison import (
    AGAINST_CHAMPION,
    AcceptedBaseline,
    Comparison,
    outdated_on_data,
)

BASELINE = Baseline(
    version=2,
    metrics={"roc_auc": 0.7},
    by="ann",
    reason="one input only",
    accepted_at=datetime(2026, 1, 2, tzinfo=UTC),
)
LENIENT = AcceptedBaseline.of(BASELINE)
RAISED = AcceptedBaseline.of(
    BASELINE.model_copy(update={"metrics": {"roc_auc": 0.8}, "by": "bob", "reason": "it is back"})
)


@pytest.mark.parametrize("champion", [None, 3, 1])
def test_same_champion_and_the_version_itself_in_its_place_change_nothing(
    champion: int | None,
) -> None:
    judged = Comparison(champion=1, baseline=LENIENT)
    assert [*judged.outdated(Comparison(champion=champion, baseline=LENIENT), version=3)] == []


@pytest.mark.parametrize(
    ("judged", "now", "said"),
    [
        (
            Comparison(champion=1),
            Comparison(champion=2),
            "it was judged against version 1, but the champion is version 2",
        ),
        (
            Comparison(),
            Comparison(champion=2),
            "it was judged as the first release, but the champion is version 2",
        ),
        (
            Comparison(baseline=LENIENT),
            Comparison(baseline=RAISED),
            "it was judged with the baseline of version 2, accepted by ann: one input only, but "
            "baseline.json has the baseline of version 2, accepted by bob: it is back",
        ),
        (
            Comparison(),
            Comparison(baseline=RAISED),
            "it was judged with no baseline, but baseline.json has the baseline of version 2, "
            "accepted by bob: it is back",
        ),
        (
            Comparison(baseline=LENIENT),
            Comparison(),
            "it was judged with the baseline of version 2, accepted by ann: one input only, but "
            "baseline.json has no baseline",
        ),
    ],
)
def test_what_it_was_compared_with_and_what_it_would_be_is_told(
    judged: Comparison, now: Comparison, said: str
) -> None:
    assert [*judged.outdated(now, version=3)] == [said]


def on_data(**details: int | None) -> GateRecord:
    result = GateResult(verdict="passed", reason="no drift", details={"columns": [], **details})
    return GateRecord(check="label_drift_champion", gate={}, result=result, blocks=False)


@pytest.mark.parametrize("champion", [None, 3, 1])
def test_verdict_on_data_speaks_while_the_champion_is_the_same_or_the_version_itself(
    champion: int | None,
) -> None:
    assert outdated_on_data(on_data(**{AGAINST_CHAMPION: 1}), champion, version=3) is None


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (1, "it was judged against version 1, but the champion is version 2"),
        (None, "it was judged as the first release, but the champion is version 2"),
    ],
)
def test_verdict_on_data_against_another_champion_is_told(then: int | None, said: str) -> None:
    assert outdated_on_data(on_data(**{AGAINST_CHAMPION: then}), 2, version=3) == said


def test_verdict_on_data_that_compares_with_no_champion_always_speaks() -> None:
    assert outdated_on_data(on_data(), 2, version=3) is None


def test_baseline_with_other_values_is_another_whoever_accepted_it() -> None:
    moved = BASELINE.model_copy(update={"metrics": {"roc_auc": 0.75}})
    judged, now = (Comparison(baseline=AcceptedBaseline.of(each)) for each in (BASELINE, moved))
    assert len([*judged.outdated(now, version=3)]) == 1
    read_again = Baseline.model_validate_json(BASELINE.model_dump_json(indent=4))
    assert AcceptedBaseline.of(read_again) == LENIENT
