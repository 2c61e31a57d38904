import pytest

from ml_platform.exceptions import DeclarationError
from ml_platform.spec.edit import number_at, with_numbers

TEXT = """\
# 阈值 before\r
gates:\r
  - {type: a, tolerance: 0.020, note: "0.02"}   # why: 0.02\r
  - type: b\r
    floor:   -1e-3\r
env: "{{ env.X }}"\r
"""


def test_only_the_text_of_the_numbers_changes():
    numbers = {("gates", 0, "tolerance"): "0.03", ("gates", 1, "floor"): "0.7"}
    changed = with_numbers(TEXT, numbers, name="defs.yaml")
    expected = TEXT.replace("tolerance: 0.020", "tolerance: 0.03").replace("-1e-3", "0.7")
    assert changed == expected


def test_a_byte_order_mark_stays_and_shifts_nothing():
    assert with_numbers("\ufeffa: 0.25\n", {("a",): "1"}, name="x") == "\ufeffa: 1\n"


@pytest.mark.parametrize("place", [("env",), ("gates", 0, "note"), ("gates", 7), ("gates", 0)])
def test_what_is_no_plain_number_is_not_replaced(place):
    with pytest.raises(DeclarationError, match=r"defs\.yaml:\d+: .*a number is replaced"):
        with_numbers(TEXT, {place: "1"}, name="defs.yaml")
    assert not number_at(TEXT, place, name="defs.yaml")


@pytest.mark.parametrize(
    "text", ["a: &x 0.5\nb: *x\n", "a: &x {n: 0.5}\nb: *x\n"], ids=["scalar", "mapping"]
)
def test_a_number_that_an_alias_shares_is_not_replaced_behind_its_back(text):
    place = ("a",) if "{" not in text else ("a", "n")
    with pytest.raises(DeclarationError, match="alias"):
        with_numbers(text, {place: "1"}, name="defs.yaml")


def test_number_at_knows_plain_numbers():
    assert number_at(TEXT, ("gates", 0, "tolerance"), name="x")
    assert not number_at("a: true\n", ("a",), name="x")
