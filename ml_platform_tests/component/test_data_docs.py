"""What stays of a run below the reports: pages, documents, the index over them, and the card."""

import json
from pathlib import Path

import dagster as dg
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.component.platform import Platform
from ml_platform.evaluation.report import Evaluation
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import BEFORE_DEPLOYMENT, changed, materialize, metadata


def test_a_run_keeps_pages_and_documents_and_lists_them(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    result = materialize(declaration, instance, only=BEFORE_DEPLOYMENT)
    assert result.success
    reports = platform.settings.reports
    [page] = (reports / "small_credit" / "validation").glob("*.html")
    document = json.loads(page.with_suffix(".json").read_text("utf-8"))
    raw = platform.snapshots.latest("small_credit/raw_data")
    assert raw is not None
    assert document["snapshot"]["content_hash"] == raw.content_hash
    assert (document["passed"], document["rows"], document["violations"]) == (True, 1000, [])
    version = reports / "small_credit" / "v1"
    judged = json.loads((version / "evaluation.json").read_text("utf-8"))
    assert judged["certificate"] == metadata(result, "evaluation_report")["certificate"]
    assert {gate["check"] for gate in judged["gates"]} >= {"contract", "minimum_metric_roc_auc"}
    assert Evaluation.model_validate(judged["evaluation"]).metrics.keys() >= {"roc_auc"}
    assert "small_credit/v1/evaluation.html" in (reports / "index.html").read_text("utf-8")
    for asset in ("validated_data", "evaluation_report"):
        address = str(metadata(result, asset)["data_docs"])
        path = address.removeprefix(platform.settings.reports_address).lstrip("/")
        assert page.stem in (reports / path).read_text("utf-8")
    card = CliRunner().invoke(main, ["card", "small_credit"])
    assert card.exit_code == 0, card.output
    for part in ("Test the platform", "## Slices", "| purpose |", "minimum\\_metric\\_roc\\_auc"):
        assert part in card.stdout
    assert (version / "card.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "## Slices" in (version / "card.md").read_text("utf-8")
    assert str(metadata(result, "evaluation_report")["model_card"]).endswith("/v1/card.html")
    assert 'href="v1/card.html"' in (reports / "small_credit" / "index.html").read_text("utf-8")


def test_data_that_break_their_contract_are_listed_as_failed(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    upto = ["raw_data", "validated_data"]
    for _ in "12":
        assert materialize(declaration, instance, only=upto).success
    folder: Path = platform.settings.reports / "small_credit"
    [before] = (folder / "validation").glob("*.json")
    kept = before.read_bytes()
    strict = changed(declaration, "min_rows: 100}", "min_rows: 5000}")
    assert not materialize(strict, instance, only=upto).success
    [file] = set((folder / "validation").glob("*.json")) - {before}
    assert before.read_bytes() == kept, "another contract of the same version"
    document = json.loads(file.read_text("utf-8"))
    assert [violation["rule"] for violation in document["violations"]] == ["min_rows"]
    assert ">failed</span>" in (folder / "index.html").read_text("utf-8")


def test_a_model_without_a_version_has_no_card() -> None:
    result = CliRunner().invoke(main, ["card", "small_credit"])
    assert result.exit_code == ExitCode.FAILED
    assert "small_credit has no version yet" in result.stderr
