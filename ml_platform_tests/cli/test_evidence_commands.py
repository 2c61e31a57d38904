"""certificate, waive and baseline, on a model that failed a gate."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    materialize,
    small_credit,
)

GATE = "minimum_metric_roc_auc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The declaration's folder, after a run that one gate stopped."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("ML_PLATFORM_HOME", str(root.parent / "evidence_home"))
        patch.setenv("ML_PLATFORM_MODELS", str(root))
        strict = changed(small_credit(root / "small_credit"), "floor: 0.7}", "floor: 0.9999}")
        assert not materialize(strict, instance, only=BEFORE_DEPLOYMENT).success
        yield strict.folder


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def waive(gate: str = GATE, *, days: int = 1) -> Result:
    until = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
    person = ["--by", "Ada", "--reason", "the outage", "--until", until]
    return call("waive", "small_credit", gate, "--version", "1", *person)


def test_certificate_that_does_not_hold_is_printed_and_refused(folder: Path) -> None:
    shown = call("certificate", "small_credit")
    assert shown.exit_code == ExitCode.BLOCKED
    assert f"failed       {GATE} (blocks): roc_auc" in shown.stdout
    assert "passed       contract: all 1,000 rows" in shown.stdout
    _, _, metrics = shown.stdout.partition("\non the holdout:\n")
    told = dict(line.split() for line in metrics.partition("\n\n")[0].splitlines())
    assert told.keys() == {"log_loss", "roc_auc"}
    assert 0.5 < float(told["roc_auc"]) < 1
    assert f"may not be deployed: {GATE} failed" in shown.stderr


def test_verdicts_are_those_of_the_certificate_where_the_history_was_lost(folder: Path) -> None:
    [model] = json.loads(call("status", "small_credit", "--json").stdout)
    assert model["last_run"] is None
    assert {gate["check"]: gate["state"] for gate in model["gates"]} == {
        "contract": "passed",
        "training_smoke": "passed",
        GATE: "failed",
        "service_smoke": "pending",
    }
    [failed] = [gate for gate in model["gates"] if gate["check"] == GATE]
    assert failed["reason"].startswith("roc_auc 0.")
    assert failed["at"]


def test_waiver_needs_a_gate_that_blocks_and_an_end_to_come(folder: Path) -> None:
    unknown = waive("minimum_metric_roc")
    assert unknown.exit_code == ExitCode.FAILED
    assert f"gates that do: {GATE}" in unknown.stderr
    assert "void already" in waive(days=-1).stderr
    assert "guards integrity" in waive("contract").stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--by", " "), "'--by': it is empty"),
        (("--reason", ""), "'--reason': it is empty"),
        (("--version", "0"), "'--version': 0 is not in the range"),
    ],
)
def test_waiver_of_nobody_or_for_no_reason_is_a_wrong_call(
    changed: tuple[str, str], said: str
) -> None:
    given = {"--version": "1", "--by": "Ada", "--reason": "the outage", "--until": "2999-01-01"}
    given.update([changed])
    result = call("waive", "small_credit", GATE, *(part for pair in given.items() for part in pair))
    assert result.exit_code == ExitCode.USAGE, result.output
    assert said in result.stderr


def test_waived_gate_lets_the_certificate_hold_and_shows_in_it(folder: Path) -> None:
    given = waive(days=2)
    assert given.exit_code == ExitCode.OK
    assert f"small_credit:1: {GATE} is waived by Ada until" in given.stdout
    shown = call("certificate", "small_credit", "1")
    assert shown.exit_code == ExitCode.OK
    assert f"{GATE} is waived by Ada" in shown.stdout
    status = call("status", "small_credit")
    assert f"small_credit:1: {GATE} is waived by Ada until" in status.stdout
    document = json.loads(call("certificate", "small_credit", "--json").stdout)
    assert document["waivers"][0]["reason"] == "the outage"


def test_baseline_is_none_until_a_version_is_accepted_by_a_person(folder: Path) -> None:
    assert "no baseline is accepted" in call("baseline", "small_credit").stdout
    lacking = call("baseline", "small_credit", "--accept", "1")
    assert lacking.exit_code == ExitCode.USAGE
    accepted = call(
        "baseline", "small_credit", "--accept", "1", "--by", "Ada", "--reason", "faster inference"
    )
    assert accepted.exit_code == ExitCode.OK
    document = json.loads((folder / "baseline.json").read_text("utf-8"))
    assert document["by"] == "Ada"
    assert 0.5 < document["metrics"]["roc_auc"] < 1
    assert json.loads(call("baseline", "small_credit", "--json").stdout) == document


def test_version_that_does_not_exist_is_named_with_those_that_do(folder: Path) -> None:
    for command in (
        ["certificate", "small_credit", "7"],
        ["baseline", "small_credit", "--accept", "7", "--by", "A", "--reason", "b"],
    ):
        said = call(*command)
        assert said.exit_code == ExitCode.FAILED
        assert "has no version 7 (registered versions: 1)" in said.stderr
