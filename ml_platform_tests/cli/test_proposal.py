import pandas as pd
import pytest

from ml_platform.cli.declaration_text import flow, render
from ml_platform.cli.proposal import Proposal, Roles, infer_task, propose
from ml_platform.exceptions import DeclarationError
from ml_platform.spec.source_map import read_yaml
from ml_platform.task import Task


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([True, False, True], Task.BINARY),
        ([0, 1, 1], Task.BINARY),
        (["yes", "no", None], Task.BINARY),
        ([1.0, 0.0, None], Task.BINARY),
        (["a", "b", "c"], Task.MULTICLASS),
        ([1, 2, 3], Task.MULTICLASS),
        (list(range(100)), Task.REGRESSION),
        ([0.5, 1.5, 2.5], Task.REGRESSION),
    ],
)
def test_the_task_follows_from_the_values_of_the_target(values, task):
    assert infer_task(pd.Series(values, name="target")) is task


def test_a_target_of_one_value_is_refused():
    with pytest.raises(DeclarationError, match="has 1 distinct values"):
        infer_task(pd.Series([1, 1, 1], name="target"))


def test_a_target_of_many_texts_is_refused():
    with pytest.raises(DeclarationError, match="100 distinct texts; valid: a number"):
        infer_task(pd.Series([f"name {i}" for i in range(100)], name="target"))


def frame(rows: int = 200) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=rows, freq="h").astype(str),
            "key": [f"k{i}" for i in range(rows)],
            "amount": [float(i % 17) for i in range(rows)],
            "kind": ["ab"[i % 2] for i in range(rows)],
            "constant": 1,
            "empty": None,
            "note": [f"free text {i}" for i in range(rows)],
            "sex": ["m" if i % 3 else "f" for i in range(rows)],
            "late": [i % 2 for i in range(rows)],
        }
    )


def proposed(rows: pd.DataFrame, **roles: str) -> Proposal:
    said = Roles(target="late", **roles)
    return propose(rows, name="m", owner="a@b.org", source={"type": "csv", "path": "x"}, roles=said)


def test_target_time_id_and_useless_columns_are_no_features():
    proposal = proposed(frame(), event_time="when", id="key")
    assert proposal.attributes["features"] == {
        "numeric": ["amount"],
        "categorical": ["kind", "sex"],
    }
    said = " ".join(proposal.remarks["features"])
    for column in ("constant", "empty", "note"):
        assert f"Left out: {column}" in said


def test_row_numbers_that_were_written_along_are_no_feature():
    rows = frame()
    rows.insert(0, "Unnamed: 0", range(len(rows)))
    proposal = proposed(rows)
    assert "Unnamed: 0" not in proposal.attributes["features"]["numeric"]
    assert "Left out: Unnamed: 0 (the file has no name for it" in proposal.remarks["features"][0]


def test_a_time_gives_a_split_in_time_and_a_repeated_id_a_grouped_one():
    assert proposed(frame(), event_time="when").attributes["split"]["type"] == "time_ordered"
    rows = frame().assign(key=["k1", "k2"] * 100)
    assert proposed(rows, id="key").attributes["split"] == {
        "type": "grouped",
        "group": "key",
        "holdout": 0.2,
        "seed": 7,
    }
    assert proposed(frame()).attributes["split"]["type"] == "stratified"


def test_text_that_was_taken_for_moments_is_told_and_codes_of_their_form_are_categories():
    rows = frame().assign(
        code=["1234-56-78", "9999-99-99"] * 100, month=["2024-01", "2024-02"] * 100
    )
    rows["at"] = pd.Timestamp("2024-01-01")
    proposal = proposed(rows)
    told = "datetime, as the text is full dates (2024-02-01 10:00): when."
    assert proposal.remarks["data"][-1] == told
    assert f"  # {told}\n  data:" in render(proposal)
    columns = proposal.attributes["data"]["contract"]["columns"]
    assert columns["code"] == {"dtype": "category", "allowed": ["1234-56-78", "9999-99-99"]}
    assert {"code", "month"} <= {*proposal.attributes["features"]["categorical"]}
    said = proposed(rows, event_time="when")
    assert not any("datetime" in remark for remark in said.remarks["data"])


def test_protected_attributes_are_marked():
    attributes = proposed(frame()).attributes
    assert attributes["evaluation"]["sensitive"] == ["sex"]
    assert attributes["data"]["contract"]["columns"]["sex"]["sensitive"]


def test_rows_without_a_target_are_set_aside():
    rows = frame()
    rows["late"] = rows["late"].astype("float64").where(rows.index >= 20)
    attributes = proposed(rows).attributes
    contract = attributes["data"]["contract"]
    assert contract["on_invalid"] == "quarantine"
    assert contract["max_quarantine_fraction"] == pytest.approx(0.16)
    assert contract["columns"]["late"] == {"dtype": "int64", "allowed": [0, 1]}
    assert attributes["data"]["positive"] == 1


def test_a_role_that_is_no_column_is_told_with_the_columns():
    with pytest.raises(DeclarationError, match=r"--time 'then' is no column .*valid: when, key"):
        proposed(frame(), event_time="then")


@pytest.mark.parametrize("name", ["class", "是否迟到", "no", "null", "1", "a: b", "#", "x y", "'"])
def test_odd_column_names_survive_the_yaml(name):
    text = render(
        Proposal({"features": {"numeric": [name]}, "columns": {name: {"dtype": "int64"}}})
    )
    read = read_yaml(text, name="test").value["attributes"]
    assert read["features"]["numeric"] == [name]
    assert read["columns"] == {name: {"dtype": "int64"}}


def test_short_lists_stand_in_one_line_and_long_ones_in_lines_that_fit():
    long = [f"value {i}, of many" for i in range(20)]
    text = render(Proposal({"short": [1, 2], "long": long, "gates": [{"type": "x"}]}))
    assert "  short: [1, 2]\n" in text
    assert "  gates:\n    - {type: x}\n" in text
    assert max(map(len, text.splitlines())) <= 100
    assert read_yaml(text, name="test").value["attributes"]["long"] == long


def test_remarks_become_comments_above_their_section():
    text = render(Proposal({"task": "binary"}, {"task": ["two values"]}))
    assert "  # two values\n  task: binary\n" in text


def test_flow_keeps_a_value_on_one_line():
    assert flow({"a": ["x" * 100, "y" * 100]}).count("\n") == 0
