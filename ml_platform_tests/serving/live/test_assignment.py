import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.serving.live.assignment import WHOLE, position, salt, share

percents = st.floats(0, 100)
keys = st.text(max_size=40)


@given(key=keys, low=percents, high=percents)
def test_key_of_a_small_share_stays_in_every_larger_one(key: str, low: float, high: float):
    low, high = sorted((low, high))
    place = position(key, salt("delays", "4"))
    if place < share(low):
        assert place < share(high)


@given(key=keys)
def test_every_worker_puts_a_key_at_the_same_place(key: str):
    assert position(key, salt("m", "7")) == position(key, salt("m", "7"))
    assert 0 <= position(key, salt("m", "7")) < share(100) == WHOLE
    assert share(0) == 0


def test_text_that_is_no_utf8_has_a_place():
    assert 0 <= position("\ud800", salt("m", "1")) < WHOLE


def test_share_of_the_keys_is_what_was_asked_for():
    drawn = [position(str(key), salt("delays", "4")) < share(5) for key in range(40_000)]

    assert abs(np.mean(drawn) - 0.05) < 0.005


def test_each_candidate_draws_keys_of_its_own():
    one, other = salt("delays", "4"), salt("delays", "5")

    both = [
        position(str(key), one) < share(50) and position(str(key), other) < share(50)
        for key in range(10_000)
    ]

    assert abs(np.mean(both) - 0.25) < 0.03
