"""A version is rebuilt from what was kept with it, whatever became of its declaration."""

import json

import dagster as dg
import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.component.platform import Platform
from ml_platform.component.reproduce import reproduce
from ml_platform.exceptions import ModelError
from ml_platform.registry.sealed import seal
from ml_platform.spec.load import Declaration
from ml_platform.spec.recipe import DECLARATION
from ml_platform_tests.component.running import BEFORE_DEPLOYMENT, changed, materialize


@pytest.fixture
def trained(declaration: Declaration, instance: dg.DagsterInstance, platform: Platform) -> Platform:
    """One version, and after it a declaration, a transform and rows that are others."""
    assert materialize(declaration, instance, only=BEFORE_DEPLOYMENT).success
    changed(declaration, "max_depth: 3", "max_depth: 2")
    features = declaration.folder / "features.py"
    features.write_text(features.read_text("utf-8") + "\nraise ImportError('gone')\n", "utf-8")
    other = platform.snapshots.read("small_credit/validated_data").head(500)
    platform.snapshots.write("small_credit/validated_data", other)
    return platform


def test_version_is_rebuilt_bit_for_bit_or_told_what_differs(trained: Platform) -> None:
    found = reproduce(trained, "small_credit", 1)
    assert found.equal
    assert "estimator/model.ubj" in found.files
    assert "features.py" in found.files
    assert found.rows == 799
    told = CliRunner().invoke(main, ["reproduce", "small_credit", "1"])
    assert told.exit_code == 0, told.output
    assert "files are equal, bit for bit" in told.stdout

    run_id = trained.registry.get("small_credit", 1).run_id
    text = trained.registry.read_artifact_text(run_id, DECLARATION)
    document = json.loads(text)
    document["training"]["seed"] = 99
    document["training"]["params"]["subsample"] = 0.5
    trained.registry.log_artifacts(run_id, {DECLARATION: json.dumps(document)})
    with pytest.raises(ModelError, match=r"no declaration\.json as it was logged"):
        reproduce(trained, "small_credit", 1)
    seal(trained.registry, run_id, DECLARATION, json.dumps(document))
    told = CliRunner().invoke(main, ["reproduce", "small_credit", "1"])
    assert told.exit_code == ExitCode.BLOCKED
    assert "other bits in estimator/model.ubj, model.json" in told.stderr
    as_json = CliRunner().invoke(main, ["reproduce", "small_credit", "1", "--json"])
    assert as_json.exit_code == ExitCode.BLOCKED
    assert json.loads(as_json.stdout)["equal"] is False


def test_version_that_does_not_exist_is_told(platform: Platform) -> None:
    with pytest.raises(ModelError, match="has no version 7"):
        reproduce(platform, "small_credit", 7)
