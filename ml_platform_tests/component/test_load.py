"""What a set of declarations becomes in Dagster."""

import json
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox

from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.model import MLModel
from ml_platform.component.resources import executor, resources
from ml_platform.exceptions import DeclarationError
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.source_map import read_yaml
from ml_platform_tests.spec.declarations import VALID, line_of, write

SNAPSHOT = Path(__file__).parent / "keys.json"


def keys_of(definitions: dg.Definitions) -> dict[str, list[str]]:
    """Everything in a code location that others may refer to by name."""
    graph = definitions.resolve_asset_graph()
    repository = definitions.get_repository_def()
    return {
        "assets": sorted(key.to_user_string() for key in graph.get_all_asset_keys()),
        "checks": sorted(
            f"{k.asset_key.to_user_string()}:{k.name}" for k in graph.asset_check_keys
        ),
        "jobs": sorted(name for name in repository.job_names if not name.startswith("__")),
        "schedules": sorted(schedule.name for schedule in repository.schedule_defs),
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }


def test_keys_of_the_shipped_models_are_the_public_ones() -> None:
    """A changed key breaks every dashboard and alert; renew keys.json only on purpose."""
    from ml_platform.spec.roots import SHIPPED

    loaded = load_declarations([SHIPPED])
    assert loaded.broken == ()
    assert keys_of(build_definitions(loaded)) == json.loads(SNAPSHOT.read_text("utf-8"))


def test_a_job_is_the_same_whatever_other_models_there_are(tmp_path: Path) -> None:
    for name in ("shop", "other"):
        write(tmp_path / name, VALID.replace("name: shop", f"name: {name}"))
    both, alone = (
        build_definitions(load_declarations([folder])).get_repository_def()
        for folder in (tmp_path, tmp_path / "shop")
    )
    own = [job.name for job in alone.get_all_jobs() if job.name.startswith("shop_")]
    assert "shop_release" in own
    for name in own:
        job, expected = both.get_job(name), alone.get_job(name)
        assert job.get_job_snapshot_id() == expected.get_job_snapshot_id()
        assert job.asset_layer.selected_asset_keys == expected.asset_layer.selected_asset_keys
        keys = job.asset_layer.asset_graph.source_asset_graph.get_all_asset_keys()
        assert {key.path[0] for key in keys} == {"shop"}, "resolved without a look at the others"


def test_broken_model_shows_as_broken_and_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path / "shop")
    write(tmp_path / "wrong one", VALID.replace("task: binary", "task: binry"))
    loaded = load_declarations([tmp_path])
    assert [d.spec.name for d in loaded.declarations] == ["shop"]
    definitions = build_definitions(loaded)
    graph = definitions.resolve_asset_graph()
    key = dg.AssetKey(["wrong_one", "broken_declaration"])
    assert "defs.yaml:7: task:" in (graph.get(key).description or "")
    assert graph.has(dg.AssetKey(["shop", "deployed_bento"]))


def test_missing_folder_of_models_shows_as_broken_and_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path / "models" / "shop")
    loaded = load_declarations([tmp_path / "nowhere", tmp_path / "models"])
    graph = build_definitions(loaded).resolve_asset_graph()
    key = dg.AssetKey(["nowhere", "broken_declaration"])
    assert "nowhere is not a folder of models" in (graph.get(key).description or "")
    assert graph.has(dg.AssetKey(["shop", "deployed_bento"]))


def test_broken_models_of_one_name_show_each(tmp_path: Path) -> None:
    for folder in ("a/shop", "b/shop", "b/花店", "b/本屋"):
        write(tmp_path / folder, "a: [")
    loaded = load_declarations(sorted(tmp_path.iterdir()))
    keys = build_definitions(loaded).resolve_asset_graph().get_all_asset_keys()
    shown = {key.path[0] for key in keys if key.path[-1] == "broken_declaration"}
    assert shown == {"shop", "shop_2", "__", "___2"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Gate(:\n", "SyntaxError: invalid syntax"),
        ("raise RuntimeError('no licence\\n for this host')\n", "no licence for this host"),
        ("import sys; sys.exit('not a library')\n", "SystemExit: not a library"),
        ("", "AttributeError: module 'badplug' has no attribute 'Odd'"),
        ("Odd = 3\n", "is not a gate: it does not extend ml_platform.gates.gate.Gate"),
        (
            "from ml_platform.gates.gate import Gate\nclass Odd(Gate):\n    type: str\n",
            "Odd.type needs a default",
        ),
    ],
)
def test_plugin_that_does_not_load_breaks_its_own_model_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "badplug.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "badplug", raising=False)
    text = VALID.replace("type: minimum_metric", 'type: "badplug:Odd"').replace("shop", "other")
    file = write(tmp_path / "models" / "other", text)
    write(tmp_path / "models" / "shop")
    loaded = load_declarations([tmp_path / "models"])
    assert [d.spec.name for d in loaded.declarations] == ["shop"]
    [broken] = loaded.broken
    where = f"{file}:{line_of(text, 'badplug')}: gates[0]: gate 'badplug:Odd' cannot be used: "
    assert broken.error.startswith(where)
    assert said in broken.error
    assert "minimum_metric" in broken.error  # what would be valid


def test_plugin_whose_own_validation_raises_breaks_its_own_model_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import pydantic\nfrom ml_platform.data.sources.csv import CsvSource\n"
    code += "class Odd(CsvSource):\n    @pydantic.field_validator('path')\n"
    code += "    def refuse(cls, path): 1 / 0\n"
    (tmp_path / "oddplug.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path / "models" / "other", VALID.replace("type: csv", 'type: "oddplug:Odd"'))
    write(tmp_path / "models" / "shop")
    loaded = load_declarations([tmp_path / "models"])
    assert [d.spec.name for d in loaded.declarations] == ["shop"]
    [broken] = loaded.broken
    assert "defs.yaml:1: attributes: checking them raised ZeroDivisionError" in broken.error


def test_broken_model_says_why_when_materialized(tmp_path: Path) -> None:
    write(tmp_path / "bad", "a: [")
    definitions = build_definitions(load_declarations([tmp_path]))
    job = definitions.resolve_implicit_global_asset_job_def()
    with pytest.raises(dg.Failure, match="not valid YAML"):
        job.execute_in_process()


def test_name_that_is_declared_twice_breaks_the_second(tmp_path: Path) -> None:
    first = write(tmp_path / "a")
    write(tmp_path / "b")
    loaded = load_declarations([tmp_path])
    assert len(loaded.declarations) == 1
    assert f"'shop' is declared in {first} already" in loaded.broken[0].error


def test_assets_carry_owner_group_kind_and_one_run_at_a_time(tmp_path: Path) -> None:
    write(tmp_path / "shop")
    definitions = build_definitions(load_declarations([tmp_path]))
    asset = definitions.resolve_asset_graph().get(dg.AssetKey(["shop", "trained_model"]))
    assert asset.owners == ["shop@example.com"]
    assert asset.group_name == "shop"
    assert asset.kinds == {"xgboost"}
    assert asset.pools == {"model_shop"}


def test_schedule_runs_from_the_start_in_its_time_zone(tmp_path: Path) -> None:
    write(tmp_path / "shop")
    definitions = build_definitions(load_declarations([tmp_path]))
    schedule = definitions.get_repository_def().get_schedule_def("shop_retraining")
    assert schedule.cron_schedule == "0 3 * * *"
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_dagsters_own_loader_builds_the_component_with_the_environment_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MLModel.get_model_cls() is ModelSpec
    monkeypatch.setenv("ROWS", "elsewhere")
    document = read_yaml(VALID.replace("rows.csv", "'{{ env.ROWS }}/rows.csv'"), name="defs.yaml")
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(
            component_cls=MLModel, defs_path="shop", defs_yaml_contents=document.value
        )
        with sandbox.load_component_and_build_defs(folder) as (component, definitions):
            assert isinstance(component, MLModel)
            assert (
                component.declaration.spec.data.source.model_dump()["path"] == "elsewhere/rows.csv"
            )
            whole = dg.Definitions.merge(definitions, dg.Definitions(resources=resources()))
            assert whole.resolve_asset_graph().has(dg.AssetKey(["shop", "deployed_bento"]))


def test_executor_is_a_setting() -> None:
    assert executor({}) is dg.in_process_executor
    assert executor({"ML_PLATFORM_EXECUTOR": "multiprocess"}) is dg.multiprocess_executor
    with pytest.raises(DeclarationError, match="valid: in_process, forkserver, multiprocess"):
        executor({"ML_PLATFORM_EXECUTOR": "dask"})
