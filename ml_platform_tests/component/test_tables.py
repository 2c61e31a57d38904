import numpy as np
import pandas as pd

from ml_platform.component.tables import SHOWN_CHARACTERS, as_given, markdown_table, preview


def test_preview_shows_numbers_as_they_are():
    frame = pd.DataFrame({"income": [25290.17, np.nan], "rows": [1_000_000, 2]})
    assert preview(frame).splitlines()[2:] == ["|25290.17|1000000|", "|missing|2|"]


def test_preview_leaves_out_columns_that_are_not_for_everybody():
    text = preview(pd.DataFrame({"age": [41], "amount": [7]}), without={"age"})
    assert "amount" in text
    assert "age" not in text
    assert "41" not in text


def test_preview_of_a_middling_frame_is_cut_to_what_shows_at_once():
    frame = pd.DataFrame({f"column_{number}": ["some text"] * 50 for number in range(10)})
    text = preview(frame)
    assert len(text) < SHOWN_CHARACTERS
    assert text.count("\n") > 4


def test_preview_of_a_wide_frame_has_ten_rows():
    frame = pd.DataFrame({f"column_{number}": ["some text"] * 50 for number in range(100)})
    assert preview(frame).count("\n") == 11


def test_a_value_cannot_break_the_table_it_stands_in():
    text = markdown_table([{"a": "x|y\nz"}, {"a": "\\"}])
    assert text.splitlines() == ["|a|", "|-|", "|x\\|y z|", "|\\\\|"]


def test_values_that_are_arrays_are_shown_too():
    assert as_given(np.array([1, 2])) == "[1 2]"


def test_no_records_say_so():
    assert markdown_table([]) == "(none)"
