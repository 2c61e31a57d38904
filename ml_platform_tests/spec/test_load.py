"""Declarations: what loads, and that every error names file, line and what would be valid."""

import random
from pathlib import Path

import pytest

from ml_platform.exceptions import DeclarationError
from ml_platform.gates.gate import Stage
from ml_platform.monitoring.checks import CHECKS
from ml_platform.spec.load import find_declarations, load_declaration
from ml_platform_tests.spec.declarations import VALID, line_of, write


def test_valid_declaration_loads(tmp_path: Path) -> None:
    spec = load_declaration(write(tmp_path)).spec
    assert spec.name == "shop"
    assert spec.data.contract.columns["country"].allowed == ("DE", "NO", "FR")
    assert [gate.check_name for gate in spec.all_gates(Stage.TRAINED_MODEL)] == ["training_smoke"]
    assert tuple(spec.required_gates) == (
        "contract",
        "training_smoke",
        "minimum_metric_roc_auc",
        "no_regression_roc_auc",
    )


BROKEN = {
    "task: binary": ("task: binry", "task", "'binary', 'multiclass' or 'regression'"),
    "type: minimum_metric": ("type: minimum_metrik", "gates[0]", "did you mean 'minimum_metric'"),
    "metric: roc_auc,": ("metric: roc_auk,", "gates[0].metric", "roc_auc"),
    "floor: 0.6": ("flor: 0.6", "gates[0].flor", "did you mean 'floor'"),
    "metrics: [roc_auc]": ("metrics: [rmse]", "evaluation.metrics[0]", "does not measure task"),
    "type: xgboost": ("type: xgbost", "training", "did you mean 'xgboost'"),
    "rounds: 10": ("rounds: ten", "training.rounds", "found 'ten'"),
    "type: csv": ("type: cvs", "data.source", "did you mean 'csv'"),
    "dtype: float64": ("dtype: float", "data.contract.columns.amount.dtype", "'float64'"),
    "target: back": ("target: bakc", "data.target", "valid: amount, at, back"),
    "numeric: [amount]": ("numeric: [back]", "features.numeric[0]", "is the target"),
    "slices: [country]": ("slices: [city]", "evaluation.slices[0]", "no column 'city'"),
    "event_time: at": ("positive: 1", "split.type", "needs data.event_time"),
    'schedule: "0 3 * * *"': ('schedule: "61 3 * * *"', "retraining.schedule", "valid: '0 3 * *"),
    "Europe/Berlin": ("Europe/Berlyn", "retraining.timezone", "no time zone"),
    "owner: shop@example.com": ("owner: me", "owner", "found 'me'"),
    "name: shop": ("name: Shop 1", "name", "found 'Shop 1'"),
}


@pytest.mark.parametrize("old", BROKEN)
def test_error_names_file_line_field_and_what_is_valid(tmp_path: Path, old: str) -> None:
    new, field, valid = BROKEN[old]
    assert VALID.count(old) == 1
    text = VALID.replace(old, new)
    file = write(tmp_path, text)
    with pytest.raises(DeclarationError) as caught:
        load_declaration(file)
    line = line_of(text, "type: time_ordered" if field == "split.type" else new)
    assert f"{file}:{line}: {field}: " in str(caught.value)
    assert valid in str(caught.value)


TIMELESS = ("split: {type: time_ordered, holdout: 0.2}", "split: {type: random, holdout: 0.2}")
COMES_BACK = "  gates:\n", "  feedback: {label_delay: 1d}\n  gates:\n"
KEPT_OUT = "  gates:\n", "  training_data: {feedback: false}\n  gates:\n"
COMPARED = "    - {type: no_regression, tolerance: 0.02, metric: roc_auc}\n"


def test_production_rows_may_train_only_beside_a_later_holdout(tmp_path: Path) -> None:
    text = VALID.replace(*TIMELESS)
    load_declaration(write(tmp_path / "1", text))
    load_declaration(write(tmp_path / "2", text.replace(*COMES_BACK).replace(*KEPT_OUT)))
    broken = text.replace(*COMES_BACK)
    line = line_of(broken, "split:")
    with pytest.raises(DeclarationError, match=rf":{line}: split.type: .*valid: time_ordered, or"):
        load_declaration(write(tmp_path / "3", broken))


def test_a_schedule_for_new_data_is_one_that_starts_something(tmp_path: Path) -> None:
    declared = 'timezone: Europe/Berlin, data_schedule: "0 2 * * *"'
    text = VALID.replace("timezone: Europe/Berlin", declared)
    with pytest.raises(DeclarationError, match="data_schedule needs on_new_data: true"):
        load_declaration(write(tmp_path / "1", text))
    text = text.replace(declared, f"{declared}, on_new_data: true")
    assert load_declaration(write(tmp_path / "2", text)).spec.retraining.data_schedule
    with pytest.raises(DeclarationError, match="'daily' is not a cron expression"):
        load_declaration(write(tmp_path / "3", text.replace("0 2 * * *", "daily")))


def test_retraining_by_itself_needs_a_comparison_with_the_champion(tmp_path: Path) -> None:
    broken = VALID.replace(COMPARED, "")
    line = line_of(broken, "retraining:")
    with pytest.raises(DeclarationError, match=rf":{line}: retraining: .*the gate no_regression"):
        load_declaration(write(tmp_path / "1", broken))
    by_hand = broken.replace('schedule: "0 3 * * *", ', "")
    assert not load_declaration(write(tmp_path / "2", by_hand)).spec.retraining.has_trigger


def test_a_severity_is_that_of_a_check_that_there_is(tmp_path: Path) -> None:
    text = VALID + "  monitoring:\n    severity: {drift: critical}\n"
    line = line_of(text, "severity:")
    with pytest.raises(DeclarationError) as caught:
        load_declaration(write(tmp_path / "1", text))
    assert f":{line}: monitoring.severity.drift: " in str(caught.value)
    assert "found 'drift'" in str(caught.value)
    for name in CHECKS:
        assert f"'{name}'" in str(caught.value)
        load_declaration(write(tmp_path / name, text.replace("drift:", f"{name}:")))


def test_a_model_cannot_have_the_name_of_the_platform(tmp_path: Path) -> None:
    file = write(tmp_path / "shop", VALID.replace("name: shop", "name: platform"))
    with pytest.raises(DeclarationError, match="name: 'platform' names what concerns no single"):
        load_declaration(file)


def test_every_error_is_reported_at_once(tmp_path: Path) -> None:
    text = VALID.replace("task: binary", "task: x").replace("dtype: int64", "dtype: x")
    with pytest.raises(DeclarationError) as caught:
        load_declaration(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 3


def test_a_field_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    text = VALID.replace("  task: binary\n", "  task: binary\n  task: regression\n")
    with pytest.raises(DeclarationError, match=r"defs.yaml:8: 'task' is here twice .*line 7"):
        load_declaration(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: the file is empty"),
        ("a: [1", "2: not valid YAML"),
        ("[1, 2]", "1: a declaration is a mapping"),
        ("type: ml_platform.MLModel\n", "attributes: not a mapping"),
        ("type: other.Thing\nattributes: {}\n", "valid: ml_platform.MLModel"),
        ("type: ml_platform.MLModel\nattributs: {}\n", "2: attributs: unknown field"),
        ("? [a]\n: b\n", "a key is a plain word"),
        ("a: &a [*a]\n", "not valid YAML"),
    ],
)
def test_file_that_is_no_declaration_is_a_clear_error(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        load_declaration(write(tmp_path, text))
    assert message in str(caught.value)


def test_file_that_is_no_text_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "defs.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_declaration(file)


def test_environment_is_rendered_and_a_missing_variable_is_named(tmp_path: Path) -> None:
    text = VALID.replace("path: rows.csv", "path: '{{ env.ROWS }}/rows.csv'")
    file = write(tmp_path, text)
    spec = load_declaration(file, environ={"ROWS": "/data"}).spec
    assert spec.data.source.model_dump()["path"] == "/data/rows.csv"
    with pytest.raises(DeclarationError, match=r"defs.yaml:9: data.source.path: .*ROWS is not set"):
        load_declaration(file, environ={})


def test_declarations_are_found_one_level_down_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert [file.parent.name for file in find_declarations([tmp_path])] == ["a", "b"]
    assert find_declarations([tmp_path / "a"]) == [tmp_path / "a" / "defs.yaml"]


@pytest.mark.parametrize("roots", [("x", "y"), ("y", "x")])
def test_where_a_root_lies_does_not_order_the_models(
    roots: tuple[str, str], tmp_path: Path
) -> None:
    for root, name in zip(roots, ("b", "a"), strict=True):
        write(tmp_path / root / name)
    found = find_declarations([tmp_path / root for root in roots])
    assert [file.parent.name for file in found] == ["a", "b"]


def test_a_folder_of_models_that_is_missing_is_a_broken_declaration(tmp_path: Path) -> None:
    there = write(tmp_path / "a")
    missing, found = sorted(find_declarations([tmp_path / "a", tmp_path / "Nowhere"]))
    assert found == there
    with pytest.raises(DeclarationError, match="Nowhere is not a folder of models"):
        load_declaration(missing)


def test_a_thousand_mutated_files_load_or_give_a_declaration_error(tmp_path: Path) -> None:
    chance = random.Random(7)
    refused = 0
    for _ in range(1_000):
        file = write(tmp_path, _mutated(VALID, chance))
        error = _refusal(file)
        refused += error is not None
        assert error is None or str(file) in error
    assert refused > 500


def _refusal(file: Path) -> str | None:
    try:
        load_declaration(file, environ={})
    except DeclarationError as error:
        return str(error)
    return None


def _mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text))
        kind = chance.randrange(4)
        if kind == 0:
            text = text[:at] + chance.choice("{}[]:,#&*!|>'\"%@`\n\t -0aé漢") + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + chance.randint(1, 12) :]
        elif kind == 2:
            lines = text.splitlines(keepends=True)
            i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            text = "".join(lines)
        else:
            words = ["null", "true", "1e999", ".nan", "[]", "{}", "-1", "''", "99999999999999999"]
            start, _, rest = text[at:].partition(": ")
            if rest:
                text = text[:at] + start + ": " + chance.choice(words) + " " + rest
    return text
