import pytest
from click.testing import CliRunner

from ml_platform.cli.main import main
from ml_platform.exceptions import DeclarationError
from ml_platform.gates.gate import Stage
from ml_platform.spec.load import load_declaration
from ml_platform.spec.reference import reference_markdown
from ml_platform_tests.spec.declarations import VALID, line_of, write

GATE = "{type: minimum_metric, metric: roc_auc, floor: 0.6}"


def with_gate(gate: str) -> str:
    return VALID.replace(GATE, gate)


def test_gates_of_every_stage_but_the_service_stand_in_the_certificate(tmp_path) -> None:
    gates = (
        "{type: contract_drift}\n    - {type: label_drift, against: champion}\n"
        "    - {type: leakage}\n    - {type: model_size, max_bytes: 9}\n    - {type: load_test}"
    )
    spec = load_declaration(write(tmp_path, with_gate(gates))).spec
    assert tuple(spec.required_gates) == (
        "contract",
        "contract_drift_last",
        "label_drift_champion",
        "leakage",
        "training_smoke",
        "model_size",
        "no_regression_roc_auc",
    )
    assert [g.check_name for g in spec.all_gates(Stage.DEPLOYED_BENTO)] == [
        "load_test",
        "service_smoke",
    ]


def test_column_that_the_contract_lacks_is_told_with_its_line(tmp_path) -> None:
    text = with_gate("{type: contract_drift, columns: [amount, colour]}")
    with pytest.raises(DeclarationError) as raised:
        load_declaration(write(tmp_path, text))
    assert f"defs.yaml:{line_of(text, 'colour')}: gates[0]: no column 'colour'" in str(raised.value)


def test_gate_that_cannot_judge_the_task_is_told_with_its_line_and_the_gates_that_can(
    tmp_path,
) -> None:
    gate = "{type: fairness, attribute: country, measure: disparate_impact}"
    text = with_gate(gate).replace("task: binary", "task: regression")
    text = text.replace("metrics: [roc_auc]", "metrics: [rmse]")
    with pytest.raises(DeclarationError) as raised:
        load_declaration(write(tmp_path, text))
    said = str(raised.value)
    assert f"defs.yaml:{line_of(text, 'fairness')}: gates[0].type: fairness does not" in said
    assert "valid gates: contract_drift, custom, label_drift" in said


@pytest.mark.parametrize("columns", ["colour", "[colour]"])
def test_unknown_column_of_a_gate_is_told_once(tmp_path, columns) -> None:
    text = with_gate(f"{{type: slice_metric, metric: roc_auc, columns: {columns}, floor: 0.5}}")
    with pytest.raises(DeclarationError) as raised:
        load_declaration(write(tmp_path, text))
    assert str(raised.value).count("no column 'colour'") == 1


def test_benchmark_that_is_not_declared_and_a_column_it_lacks_are_told_with_their_lines(
    tmp_path,
) -> None:
    gate = "{type: slice_metric, metric: roc_auc, benchmark: storms, floor: 0.5}"
    with pytest.raises(DeclarationError) as raised:
        load_declaration(write(tmp_path, with_gate(gate)))
    assert "gates[0].benchmark: no benchmark 'storms'" in str(raised.value)
    assert "valid: none is declared" in str(raised.value)
    declared = "slices: [country],\n    benchmarks: [{name: storms, where: wind > 3}]}"
    text = with_gate(gate).replace("slices: [country]}", declared)
    with pytest.raises(DeclarationError) as raised:
        load_declaration(write(tmp_path, text))
    place = f"defs.yaml:{line_of(text, 'wind')}: evaluation.benchmarks[0].where"
    assert f"{place}: no column 'wind'" in str(raised.value)


def test_check_looks_up_the_function_of_a_custom_gate(tmp_path, monkeypatch) -> None:
    write(tmp_path / "models" / "shop", with_gate("{type: custom, function: own:nothing}"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(main, ["check", "shop"])
    assert ": gates[0].function: cannot import 'own' for 'own:nothing'" in result.stderr


def test_reference_has_the_plugins_that_a_plugin_takes_and_a_stage_to_choose() -> None:
    text = reference_markdown()
    assert "### drift test" in text
    assert "| `drift` | [drift test](#drift-test) | `population_stability` |" in text
    assert "An asset check on the asset of its stage." in text
