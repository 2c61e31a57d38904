"""The asset `batch_predictions` and `ml-platform score`, with a released version of a few trees."""

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.component.handles import DeployedBento
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.component.steps.train import fit_model
from ml_platform.exceptions import DeclarationError
from ml_platform.release.state import Action, Transition
from ml_platform.serving import bundle
from ml_platform.serving.build import bento_folder
from ml_platform.spec.load import Declaration
from ml_platform.spec.serving import ServingSpec
from ml_platform.training.scoring_path import ScoringPath
from ml_platform_tests.component.running import RELEASE, changed, materialize, metadata

SCORING = "  evaluation: {"
DECLARED = "  scoring: {input: new.parquet, output: out/scored.parquet, on_invalid: quarantine}\n"


@pytest.fixture
def scoring(declaration: Declaration) -> Declaration:
    return changed(declaration, SCORING, DECLARED + SCORING)


@pytest.fixture
def rows(declaration: Declaration) -> pd.DataFrame:
    source = declaration.spec.data.source
    return source.read(folder=declaration.folder)


@pytest.fixture
def released(scoring: Declaration, platform: Platform, rows: pd.DataFrame) -> pd.Series:
    """Version 1 in the Bento store, champion; gives its scores of the first rows."""
    name, model = scoring.spec.name, fit_model(scoring, rows)
    folder = bento_folder(platform.settings.bentos, name, 1) / "src"
    model.save(folder / bundle.MODEL, folder_of_declaration=scoring.folder)
    bundle.write(
        folder,
        identity=bundle.Identity(model=name, version="1", scoring=ScoringPath(path="compiled")),
        contract=scoring.spec.data.contract.model_dump(mode="json"),
        release={},
        serving=ServingSpec(),
    )
    platform.releases.append(
        Transition(
            model=name,
            revision=1,
            action=Action.PROMOTE_DIRECT,
            version=1,
            at=datetime(2026, 1, 1, tzinfo=UTC),
            who="test",
            why="test",
        ),
        expected_revision=0,
    )
    handle = DeployedBento(tag=f"{name}:1", version=1, certificate="")
    platform.handles.write(f"{name}/deployed_bento/latest.json", handle.model_dump_json())
    new = rows.head(40).drop(columns="defaulted")
    new.loc[new.index[7], "purpose"] = "boat"
    new.to_parquet(scoring.folder / "new.parquet", index=False)
    return pd.Series(model.scores(rows.head(40))).drop(7)


def test_asset_scores_the_declared_rows_by_the_champion(
    scoring: Declaration, instance: dg.DagsterInstance, released: pd.Series
) -> None:
    result = materialize(scoring, instance, only=["batch_predictions"])

    assert result.success
    found = pd.read_parquet(scoring.folder / "out" / "scored.parquet")
    assert found["probability"].tolist() == released.tolist()
    assert set(found["model_version"]) == {"1"}
    shown = metadata(result, "batch_predictions")
    assert (shown["rows"], shown["refused"]) == (39, 1)
    logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "scoring: 40 of 40 rows" in logged


def test_asset_is_there_where_it_is_declared_and_no_part_of_a_release(
    declaration: Declaration,
) -> None:
    assert "batch_predictions" not in assets(built(declaration))

    definitions = built(changed(declaration, SCORING, DECLARED + SCORING))

    assert "batch_predictions" in assets(definitions)
    job = definitions.resolve_job_def("small_credit_release")
    assert {key.path[-1] for key in job.asset_layer.executable_asset_keys} == set(RELEASE)


def built(declaration: Declaration) -> dg.Definitions:
    return build_definitions(load_declarations([declaration.folder]))


def assets(definitions: dg.Definitions) -> set[str]:
    return {key.path[-1] for key in definitions.resolve_asset_graph().get_all_asset_keys()}


def test_command_scores_a_file(scoring: Declaration, released: pd.Series, tmp_path: Path) -> None:
    source, output = scoring.folder / "new.parquet", tmp_path / "out.csv"
    command = ["score", "small_credit", "--input", str(source), "--output", str(output)]

    refused = CliRunner().invoke(main, command)

    assert refused.exit_code != 0
    assert "row 8: purpose: not_allowed" in refused.output
    assert not output.exists()

    done = CliRunner().invoke(main, [*command, "--on-invalid", "quarantine"])

    assert done.exit_code == 0, done.output
    assert f"39 rows scored by small_credit:1 are in {output}" in done.output
    assert "1 x purpose: not_allowed" in done.output
    assert done.stderr == "scoring: 40 of 40 rows\n", "plain lines away from a terminal"
    assert (
        pd.read_csv(output, float_precision="round_trip")["probability"].tolist()
        == released.tolist()
    )

    again = CliRunner().invoke(main, [*command, "--on-invalid", "quarantine"])
    assert "exists already" in again.output
    command[1] = "small_credit:9"
    unknown = CliRunner().invoke(main, [*command, "--overwrite"])
    assert unknown.exit_code == ExitCode.FAILED
    assert "there is no Bento small_credit:9 (there are: small_credit:1)" in unknown.output
    command[1] = "small_credit"
    as_json = [*command, "--on-invalid", "quarantine", "--overwrite", "--json"]
    assert json.loads(CliRunner().invoke(main, as_json).stdout)["scored"] == 39


def test_command_names_what_is_not_released(scoring: Declaration, tmp_path: Path) -> None:
    command = ["score", "small_credit", "--input", "new.csv", "--output", str(tmp_path / "o.csv")]

    done = CliRunner().invoke(main, command)

    assert done.exit_code != 0
    assert "no version of 'small_credit' is released yet" in done.output


def test_urls_are_refused_in_a_sentence(scoring: Declaration) -> None:
    said = "s3://b/new.csv is a URL; rows are scored from and to local files and folders"
    for paths in (["s3://b/new.csv", "o.csv"], ["n.csv", "s3://b/new.csv"]):
        command = ["score", "small_credit", "--input", paths[0], "--output", paths[1]]
        done = CliRunner().invoke(main, command)
        assert (done.exit_code, said in done.output) == (ExitCode.USAGE, True), done.output
    with pytest.raises(DeclarationError, match=said):
        changed(scoring, "input: new.parquet", "input: 's3://b/new.csv'")
