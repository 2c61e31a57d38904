import numpy as np
import pytest

from ml_platform.evaluation.multiple import rejected


def test_holm_goes_on_until_the_first_that_stands() -> None:
    chances = [0.012, 0.04, 0.02, 0.9]
    assert rejected(chances, level=0.05, correction="holm").tolist() == [True, False, False, False]
    assert rejected([0.012, 0.016, 0.02, 0.9], level=0.05, correction="holm").tolist() == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_one_false_alarm_among_many_stays_as_rare_as_told(correction) -> None:
    rng = np.random.default_rng(0)
    alarms = [
        rejected(rng.random(20), level=0.05, correction=correction).any() for _ in range(2000)
    ]
    assert 0.03 < np.mean(alarms) < 0.065


def test_holm_finds_what_bonferroni_finds_and_more() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        chances = rng.random(8) ** 3
        holm = rejected(chances, level=0.1, correction="holm")
        assert (holm | ~rejected(chances, level=0.1, correction="bonferroni")).all()


@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_no_questions_have_no_answers(correction) -> None:
    assert rejected([], level=0.05, correction=correction).tolist() == []
