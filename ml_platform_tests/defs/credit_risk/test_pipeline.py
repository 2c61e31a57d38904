"""The shipped model the whole way, through its own gates, from a folder of its own in git."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ml_platform.component.platform import Platform
from ml_platform.serving.build import bento_folder
from ml_platform.settings import Settings
from ml_platform.spec.load import load_declaration
from ml_platform.spec.roots import SHIPPED
from ml_platform_tests.component.running import (
    RELEASE,
    checks,
    committed,
    failure,
    materialize,
    materialized,
    metadata,
)

pytestmark = pytest.mark.slow


class Released:
    """One run of everything but Evidently's page. commit: of the declaration's folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        declared = (SHIPPED / "credit_risk" / "defs.yaml").read_text("utf-8")
        quick = declared.replace("  evaluation:\n", "  evaluation:\n    evidently: never\n")
        (folder / "defs.yaml").write_text(quick, "utf-8")
        self.commit = committed(folder)
        self.platform = Platform(Settings.from_environment())
        with dg.DagsterInstance.ephemeral() as instance:
            self.run = materialize(load_declaration(folder / "defs.yaml"), instance)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    root = tmp_path_factory.mktemp("credit")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("ML_PLATFORM_HOME", str(root / "home"))
        yield Released(root / "credit_risk")


def test_it_goes_through_its_gates_to_the_deployed_bento(released: Released) -> None:
    assert released.run.success, failure(released.run)
    assert materialized(released.run) == list(RELEASE)
    assert {name for name, passed in checks(released.run).items() if passed} == {
        "contract",
        "training_smoke",
        "minimum_metric_roc_auc",
        "no_regression_roc_auc",
        "service_smoke",
    }
    assert metadata(released.run, "deployed_bento")["bento"] == "credit_risk:1"
    bento = bento_folder(released.platform.settings.bentos, "credit_risk", 1)
    assert (bento / "bento.yaml").is_file()
    assert released.platform.releases.state("credit_risk").champion == 1


def test_fairness_is_judged_and_says_that_few_loans_cannot_tell(released: Released) -> None:
    shares = {
        "fairness_disparate_impact_sex": ("selection rate of sex=male and sex=female", 250),
        "fairness_equalized_odds_age_group": ("true positive rate of age_group=up to 25", 75),
    }
    judged = {
        check.check_name: check
        for check in released.run.get_asset_check_evaluations()
        if check.check_name.startswith("fairness")
    }
    assert judged.keys() == shares.keys()
    for name, (what, rows) in shares.items():
        shown = {key: value.value for key, value in judged[name].metadata.items()}
        assert judged[name].severity is dg.AssetCheckSeverity.WARN
        assert (shown["verdict"], shown["rows"]) == ("inconclusive", rows)
        low, high = (float(end) for end in str(shown["interval"]).split(" to "))
        assert low < float(str(shown["bound"])) < high
        assert "cannot be told from the bound" in (judged[name].description or "")
        assert what in (judged[name].description or "")


def test_version_names_the_commit_of_its_declaration(released: Released) -> None:
    tags = released.platform.registry.get("credit_risk", 1).tags
    assert tags["git_commit"] == released.commit
