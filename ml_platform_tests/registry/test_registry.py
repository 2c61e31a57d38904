import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import StoreError
from ml_platform.registry.memory import InMemoryRegistry
from ml_platform.registry.registry import ModelRegistry
from ml_platform.registry.version import TrainingRows, VersionRegistry
from ml_platform.testing.stores import check_registry

ROWS = pd.DataFrame({"x": [1.0, 2.0]})
SCORES = np.array([0.25, 0.5])


def test_mlflow_keeps_the_contract(registry: ModelRegistry, tmp_path: Path) -> None:
    check_registry(registry, tmp_path)


def test_mlflow_in_postgres_keeps_the_contract(postgres_url: str, tmp_path: Path) -> None:
    registry = ModelRegistry(tracking_uri=postgres_url, artifacts=str(tmp_path / "artifacts"))
    check_registry(registry, tmp_path)


@pytest.mark.slow
def test_mlflow_server_keeps_the_contract(mlflow_server: str, tmp_path: Path) -> None:
    registry = ModelRegistry(tracking_uri=mlflow_server, artifacts=str(tmp_path / "unused"))
    check_registry(registry, tmp_path)
    assert not (tmp_path / "unused").exists(), "a server keeps its own"


def test_the_twin_keeps_the_contract(tmp_path: Path) -> None:
    twin = InMemoryRegistry()
    check_registry(twin, tmp_path)
    twin.close()


def a_model(tmp_path: Path) -> Path:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    return folder


def test_versions_registered_at_once_have_numbers_of_their_own(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    folder = a_model(tmp_path)
    run_id = registry.open_run("flights", dagster_run_id="a")

    def register(_: int) -> int:
        own = ModelRegistry(tracking_uri=registry.tracking_uri, artifacts=registry.artifacts)
        made = own.register(
            "flights", run_id=run_id, folder=folder, input_example=ROWS, output_example=SCORES
        )
        return made.version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(register, range(8))) == list(range(1, 9))


_START = """
import sys
from ml_platform.registry.registry import ModelRegistry
registry = ModelRegistry(tracking_uri=sys.argv[1], artifacts=sys.argv[2])
run_id = registry.open_run("flights", dagster_run_id="one", tags={})
from pathlib import Path
import pandas as pd
made = registry.register("flights", run_id=run_id, folder=Path(sys.argv[3]),
                         input_example=pd.DataFrame({"x": [1.0]}), output_example=[0.5])
print(run_id, made.version)
"""


def test_two_processes_that_start_at_once_share_one_store_one_run_and_count_on(
    tmp_path: Path,
) -> None:
    uri, artifacts = f"sqlite:///{tmp_path}/new/mlflow.db", tmp_path / "new" / "artifacts"
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    command = [sys.executable, "-c", _START, uri, str(artifacts), str(a_model(tmp_path))]
    started = [
        subprocess.Popen(
            command, cwd=elsewhere, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    (run, first), (same_run, second) = (output.split() for output, _ in outputs)
    assert run == same_run
    assert {first, second} == {"1", "2"}
    assert list(elsewhere.iterdir()) == [], "nothing is written to the current directory"
    assert "INFO" not in outputs[0][1] + outputs[1][1], "MLflow's chatter stays out of the terminal"


def test_a_store_left_half_made_by_a_killed_process_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db.new").write_text("half a database")
    registry = ModelRegistry(
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", artifacts=str(tmp_path)
    )
    monkeypatch.chdir(tmp_path)
    assert registry.open_run("flights", dagster_run_id="a")
    assert not (tmp_path / "mlflow.db.new").exists()


def test_a_relative_store_is_refused() -> None:
    with pytest.raises(StoreError, match=r"'sqlite:///mlflow\.db' is relative; write sqlite:////"):
        ModelRegistry(tracking_uri="sqlite:///mlflow.db", artifacts="x")


def test_a_damaged_store_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database" * 100)
    registry = ModelRegistry(
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", artifacts=str(tmp_path)
    )
    with pytest.raises(StoreError, match="failed to open the experiment 'flights': ") as raised:
        registry.open_run("flights", dagster_run_id="a")
    assert "\n" not in str(raised.value)


def test_the_folder_of_a_model_that_is_not_there_is_named(registry: ModelRegistry) -> None:
    run_id = registry.open_run("flights", dagster_run_id="a")
    with pytest.raises(StoreError, match="no model folder /nowhere"):
        registry.register(
            "flights",
            run_id=run_id,
            folder=Path("/nowhere"),
            input_example=ROWS,
            output_example=SCORES,
        )


def test_a_registration_that_dies_before_its_end_leaves_no_version(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = registry.open_run("flights", dagster_run_id="a")
    monkeypatch.setattr("ml_platform.registry.registry.package", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        registry.register(
            "flights",
            run_id=run_id,
            folder=a_model(tmp_path),
            input_example=ROWS,
            output_example=SCORES,
        )
    assert registry.versions("flights") == []


def test_what_dagster_mlflow_looks_for_finds_our_run(registry: ModelRegistry) -> None:
    run_id = registry.open_run("flights", dagster_run_id="abc-1")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(registry.tracking_uri)
    experiment = client.get_experiment_by_name("flights")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], "tags.dagster_run_id='abc-1'")
    assert [run.info.run_id for run in found] == [run_id]


def test_params_metrics_and_dataset_stand_in_the_run(registry: ModelRegistry) -> None:
    run_id = registry.open_run("flights", dagster_run_id="abc")
    many = {f"p{i}": i for i in range(150)}
    registry.log_training(
        run_id,
        params=many,
        metrics={"auc": 0.75, "none": None},
        dataset=TrainingRows(name="flights/validated_data", hash="ab" * 32, rows=1234),
    )
    from mlflow.tracking import MlflowClient

    run = MlflowClient(registry.tracking_uri).get_run(run_id)
    assert run.data.params == {key: str(value) for key, value in many.items()}
    assert run.data.metrics == {"auc": 0.75}
    (logged,) = run.inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("flights/validated_data", "ab" * 18)
    assert "1234" in logged.dataset.profile


def test_a_retry_with_another_parameter_keeps_both(registry: ModelRegistry) -> None:
    run_id = registry.open_run("flights", dagster_run_id="first-run")
    registry.log_training(run_id, params={"depth": 6, "seed": 7})
    registry.finish_run(run_id, "FAILED")
    registry.open_run("flights", dagster_run_id="second-run", root_run_id="first-run")
    for _ in range(2):
        registry.log_training(run_id, params={"depth": 8, "seed": 7})
    from mlflow.tracking import MlflowClient

    params = MlflowClient(registry.tracking_uri).get_run(run_id).data.params
    assert params == {"depth": "6", "seed": "7", "depth.second-r": "8"}


def test_links_lead_to_the_ui_of_a_server_or_to_the_one_named() -> None:
    server = ModelRegistry(tracking_uri="http://mlflow.example:5000", artifacts="s3://x")
    assert server.ui_url == "http://mlflow.example:5000"
    behind = ModelRegistry(tracking_uri="https://ada:secret@mlflow.example", artifacts="/x")
    assert behind.ui_url == "https://mlflow.example", "no link shows who the platform logs in as"
    local = ModelRegistry(tracking_uri="sqlite:////x/m.db", artifacts="/x", ui_url="http://here")
    assert local.ui_url == "http://here"


@pytest.mark.parametrize("twin", [ModelRegistry, InMemoryRegistry])
def test_twins_take_what_the_protocol_says(twin: type[VersionRegistry]) -> None:
    promised = {name: method for name, method in vars(VersionRegistry).items() if name[0] != "_"}
    assert promised.keys() >= {"open_run", "register", "versions"}
    for name, method in promised.items():
        assert signature(getattr(twin, name)) == signature(method), name
