"""The whole way of a model, from its source to the champion, in one process."""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from ml_platform.cli.main import main
from ml_platform.component.assets import FORCE_TAG
from ml_platform.component.platform import Platform
from ml_platform.component.steps import prove as prove_step
from ml_platform.component.steps.certify import certificate_of
from ml_platform.component.steps.holdout import Judged, load_holdout
from ml_platform.component.steps.prove import HOLDOUT_ROWS, with_scoring
from ml_platform.registry.certificate import Certificate
from ml_platform.serving import scoring
from ml_platform.serving.build import bento_folder
from ml_platform.serving.bundle import Bundle
from ml_platform.serving.compiled.model import CompiledModel, compiled
from ml_platform.serving.http.keys import new_key
from ml_platform.serving.scoring import code_digest
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform.training.model import Model
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    MODELS,
    changed,
    checks,
    failure,
    materialize,
    materialized,
    metadata,
    small_credit,
)
from ml_platform_tests.serving.test_scoring import broken

ALL = [*BEFORE_DEPLOYMENT, "deployed_bento"]


def files_of(folder: Path) -> dict[Path, bytes]:
    return {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def one_bit_off(model: Model) -> CompiledModel:
    return broken(compiled(model), lambda record: True)


class Released:
    """A small model that went all the way: once, unchanged, by force, under another contract.

    When it is trained by force, its compiled path is a bit off.
    """

    def __init__(self, folder: Path) -> None:
        self.declaration = small_credit(folder / "small_credit", evidently=True)
        self.platform = Platform(Settings.from_environment())
        with dg.DagsterInstance.ephemeral() as instance:
            self.first = self.run(instance)
            self.second = self.run(instance)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(scoring, "compiled", one_bit_off)
                self.forced = self.run(instance, tags={FORCE_TAG: "true"})
            self.bento = self.bento_of(2)
            self.built = files_of(self.bento)
            spec = self.declaration
            told = changed(spec, "income: {dtype:", "income: {description: a year, dtype:")
            self.under_another_contract = materialize(told, instance, only=["deployed_bento"])

    def bento_of(self, version: int) -> Path:
        return bento_folder(self.platform.settings.bentos, "small_credit", version)

    def run(
        self, instance: dg.DagsterInstance, *, tags: Mapping[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """One run of the model's job, which must succeed."""
        result = materialize(self.declaration, instance, tags=tags)
        assert result.success, failure(result)
        return result


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    folder = tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("ML_PLATFORM_HOME", str(folder / "home"))
        new_key(folder / "api_keys", "shop")  # of clients: the service checks do without
        patch.setenv("ML_PLATFORM_API_KEYS_FILE", str(folder / "api_keys"))
        patch.setenv("ML_PLATFORM_JOURNAL", str(folder / "journal"))
        yield Released(folder)


@pytest.mark.slow
class TestReleased:
    def test_every_asset_is_materialized_and_every_gate_passes(self, released: Released) -> None:
        assert released.first.success
        assert not Path(os.environ["ML_PLATFORM_JOURNAL"]).exists(), "checks are not journaled"
        assert materialized(released.first) == ALL
        assert checks(released.first) == {
            "contract": True,
            "training_smoke": True,
            "minimum_metric_roc_auc": True,
            "service_smoke": True,
        }

    def test_first_version_becomes_champion_at_once(self, released: Released) -> None:
        history = released.platform.releases.history("small_credit")
        assert [(t.version, t.evidence["bento"]) for t in history] == [
            (1, "small_credit:1"),
            (2, "small_credit:2"),
        ]
        certificate = metadata(released.first, "deployed_bento")["certificate"]
        assert history[0].evidence["certificate"] == certificate
        aliases = released.platform.registry.aliases("small_credit")
        assert aliases == {"champion": 2, "previous": 1}

    def test_dagster_run_and_mlflow_run_name_each_other(self, released: Released) -> None:
        shown = metadata(released.first, "trained_model")
        tags = released.platform.registry.run_tags(str(shown["mlflow_run_id"]))
        assert tags["dagster_run_id"] == released.first.run_id
        version = released.platform.registry.get("small_credit", 1)
        assert version.run_id == shown["mlflow_run_id"]

    def test_mlflow_run_has_parameters_metrics_and_dataset(self, released: Released) -> None:
        from mlflow.tracking import MlflowClient

        run_id = str(metadata(released.first, "trained_model")["mlflow_run_id"])
        run = MlflowClient(released.platform.registry.tracking_uri).get_run(run_id)
        shown = metadata(released.first, "evaluation_report")
        snapshot = released.platform.snapshots.latest("small_credit/validated_data")
        assert snapshot is not None
        assert run.data.metrics["roc_auc"] == pytest.approx(shown["metric/roc_auc"])
        assert run.data.params["training.type"] == released.declaration.spec.training.type
        assert run.data.params["holdout_rows"] == str(shown["holdout_rows"])
        [logged] = run.inputs.dataset_inputs
        assert logged.dataset.name == "small_credit/validated_data"
        assert snapshot.content_hash.startswith(logged.dataset.digest)

    def test_version_tells_where_it_comes_from(self, released: Released) -> None:
        tags = released.platform.registry.get("small_credit", 1).tags
        spec = released.declaration.spec
        snapshot = released.platform.snapshots.latest("small_credit/validated_data")
        assert snapshot is not None
        assert tags["owner"] == spec.owner
        assert tags["intended_use"] == spec.intended_use
        assert tags["training_data"] == "small_credit/validated_data@0"
        assert tags["training_data_hash"] == snapshot.content_hash
        assert tags["contract_version"] == "1"
        assert "xgboost" in tags["environment"]

    def test_unchanged_model_is_reused_and_says_so(self, released: Released) -> None:
        assert released.second.success
        for asset in ("trained_model", "evaluation_report", "deployed_bento"):
            assert metadata(released.second, asset)["reused"] is True
        assert metadata(released.second, "trained_model")["version"] == 1
        release = metadata(released.second, "deployed_bento")["release"]
        assert release == "version 1 is champion already, nothing to release"

    def test_force_trains_the_same_bits_anew(self, released: Released, tmp_path: Path) -> None:
        assert released.forced.success
        assert metadata(released.forced, "trained_model")["reused"] is False
        assert metadata(released.forced, "trained_model")["version"] == 2
        registry = released.platform.registry
        folders = [registry.download("small_credit", v, tmp_path / str(v)) for v in (1, 2)]
        assert files_of(folders[0]) == files_of(folders[1])

    def test_bento_keeps_the_contract_that_its_version_was_trained_under(
        self, released: Released
    ) -> None:
        assert released.under_another_contract.success, failure(released.under_another_contract)
        assert metadata(released.under_another_contract, "deployed_bento")["reused"] is True
        assert files_of(released.bento) == released.built

    def test_version_is_scored_by_compiled_code_that_was_proven_equal(
        self, released: Released
    ) -> None:
        proven = certificate_of(released.platform, "small_credit", 1).scoring
        assert proven is not None
        assert (proven.path, proven.reason, proven.code) == ("compiled", "", code_digest())
        assert 100 < proven.holdout <= HOLDOUT_ROWS
        assert proven.adversarial > 100
        assert metadata(released.first, "deployed_bento")["scoring"] == str(proven)
        served = Bundle.read(released.bento_of(1) / "src")
        assert served.identity.scoring == proven
        assert served.about()["scoring"]["path"] == "compiled"
        assert isinstance(served.predictor().model, CompiledModel)

    def test_version_whose_compiled_path_differs_is_scored_by_the_library_and_its_certificate_warns(
        self, released: Released, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate = certificate_of(released.platform, "small_credit", 2)
        assert certificate.scoring is not None
        assert certificate.scoring.path == "reference"
        assert "the compiled path answers another score" in certificate.scoring.reason
        assert metadata(released.forced, "deployed_bento")["scoring"] == str(certificate.scoring)
        served = Bundle.read(released.bento / "src")
        assert served.identity.scoring == certificate.scoring
        assert served.about()["scoring"]["reason"] == certificate.scoring.reason
        assert isinstance(served.predictor().model, Model)
        assert checks(released.forced)["service_smoke"] is True
        monkeypatch.setenv("ML_PLATFORM_HOME", str(released.platform.settings.home))
        monkeypatch.setenv("ML_PLATFORM_MODELS", str(released.declaration.folder.parent))
        shown = CliRunner().invoke(main, ["certificate", "small_credit", "2"]).stdout
        assert "\nscoring      scored by the training library itself (slower): the comp" in shown

    def test_compiled_path_is_proven_once_and_anew_when_its_code_is_another(
        self, released: Released, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        platform, asked = released.platform, list[int]()
        contract = released.declaration.spec.data.contract

        def prove(certificate: Certificate) -> Certificate:
            @cache
            def judged() -> Judged:
                asked.append(certificate.version)
                return load_holdout(released.declaration, platform, certificate.snapshot, 1)

            return with_scoring(platform, certificate, contract, judged)

        before = certificate_of(platform, "small_credit", 1)
        assert prove(before) == before
        assert asked == []
        for module in (scoring, prove_step):
            monkeypatch.setattr(module, "code_digest", lambda: "of other code")
        after = prove(before)
        assert asked == [1]
        assert after.scoring is not None
        assert (after.scoring.path, after.scoring.code) == ("compiled", "of other code")
        assert certificate_of(platform, "small_credit", 1) == after
        assert prove(after) == after
        assert asked == [1]

    def test_verdict_on_the_service_stands_below_the_certificate_and_in_the_card(
        self, released: Released, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ML_PLATFORM_HOME", str(released.platform.settings.home))
        monkeypatch.setenv("ML_PLATFORM_MODELS", str(released.declaration.folder.parent))
        shown = CliRunner().invoke(main, ["certificate", "small_credit", "2"]).stdout
        _, _, service = shown.partition("on the running service, when it was released:\n")
        assert service.startswith("passed       service_smoke: ")
        told = CliRunner().invoke(main, ["card", "small_credit", "2"]).stdout
        assert "| service\\_smoke | passed | 0 | 0 | 200 |" in told.partition("## Service gates")[2]

    def test_certificate_is_a_table_on_the_page_of_the_bento(self, released: Released) -> None:
        table = str(metadata(released.first, "deployed_bento")["certified_gates"])
        assert table.splitlines()[0] == "|gate|verdict|reason|"
        gates = [line.split("|")[1] for line in table.splitlines()[2:]]
        assert gates == ["contract", "training_smoke", "minimum_metric_roc_auc"]

    def test_what_a_person_wants_to_see_is_there(self, released: Released) -> None:
        raw = metadata(released.first, "raw_data")
        assert raw["dagster/row_count"] == 1000
        assert "loan-000000" in str(raw["preview"])
        report = metadata(released.first, "evaluation_report")
        assert 0.7 < float(str(report["metric/roc_auc"])) < 1
        for picture in (
            "roc_curve", "precision_recall_curve", "calibration_curve", "confusion_matrix",
        ):  # fmt: skip
            assert "data:image/png;base64," in str(report[picture])
        assert "|roc_auc|" in str(report["metrics"])
        assert "|purpose = car|roc_auc|" in str(report["slices"])
        for name in ("report", "evidently_report"):
            path = str(report[name]).removeprefix(released.platform.settings.reports_address)
            file = released.platform.settings.reports / path.lstrip("/")
            assert file.read_text("utf-8").lstrip().lower().startswith(("<!doctype", "<html"))
        deployed = metadata(released.first, "deployed_bento")
        trained = metadata(released.first, "trained_model")
        assert deployed["report"] == report["report"]
        assert deployed["mlflow_run"] == report["mlflow_run"] == trained["mlflow_run"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "metric"), [("wine", "accuracy"), ("diabetes", "r2")])
def test_multiclass_and_regression_go_all_the_way(
    name: str, metric: str, instance: dg.DagsterInstance, platform: Platform
) -> None:
    declaration = load_declaration(MODELS / name / "defs.yaml")
    result = materialize(declaration, instance)
    assert result.success
    assert materialized(result) == ALL
    assert all(checks(result).values())
    assert f"metric/{metric}" in metadata(result, "evaluation_report")
    assert platform.releases.state(name).champion == 1


def test_changed_features_train_a_new_version(
    declaration: Declaration, instance: dg.DagsterInstance, settings: Settings
) -> None:
    upto = ["raw_data", "validated_data", "trained_model"]
    assert metadata(materialize(declaration, instance, only=upto), "trained_model")["version"] == 1
    features = declaration.folder / "features.py"
    features.write_text(features.read_text("utf-8") + "\n# a comment\n", encoding="utf-8")
    again = materialize(declaration, instance, only=upto)
    assert metadata(again, "trained_model")["version"] == 2
    other = changed(declaration, "max_depth: 3", "max_depth: 2")
    assert metadata(materialize(other, instance, only=upto), "trained_model")["version"] == 3


def test_asset_below_one_never_materialized_says_what_to_do(
    declaration: Declaration, instance: dg.DagsterInstance, settings: Settings
) -> None:
    result = materialize(declaration, instance, only=["trained_model"])
    said = [str(e.step_failure_data.error) for e in result.all_events if e.is_step_failure]
    assert "small_credit/validated_data was never materialized" in said[0]


def test_assets_of_a_team_log_to_the_same_mlflow_run(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    trained_key = dg.AssetKey(["small_credit", "trained_model"])

    @dg.asset(
        key=["small_credit", "own_report"], deps=[trained_key], required_resource_keys={"mlflow"}
    )
    def own_report(context: dg.AssetExecutionContext) -> None:
        context.resources.mlflow.log_metric("own_metric", 42.0)

    upto = ["raw_data", "validated_data", "trained_model"]
    result = materialize(declaration, instance, only=upto, also=[own_report])
    assert result.success
    run_id = str(metadata(result, "trained_model")["mlflow_run_id"])
    import mlflow

    runs = mlflow.MlflowClient(platform.settings.mlflow_url).search_runs(
        [platform.registry.experiment("small_credit")]
    )
    assert [run.info.run_id for run in runs] == [run_id]
    assert runs[0].data.metrics["own_metric"] == 42.0


def test_what_a_source_left_out_shows_on_the_raw_data(
    declaration: Declaration, instance: dg.DagsterInstance
) -> None:
    source = declaration.folder / "source.py"
    source.write_text(
        source.read_text("utf-8") + "\n\n_load = load\n\n\ndef load(**params):\n"
        "    frame = _load(**params)\n    frame.attrs['left_out'] = {'cancelled': 7}\n"
        "    return frame\n",
        encoding="utf-8",
    )
    result = materialize(declaration, instance, only=["raw_data"])
    assert metadata(result, "raw_data")["left_out"] == {"cancelled": 7}
