"""Run parts of a model's job, and change its declaration on the way."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from ml_platform.component.load import model_definitions
from ml_platform.component.resources import resources
from ml_platform.spec.load import Declaration, load_declaration

MODELS = Path(__file__).parent.parent / "models"

BEFORE_DEPLOYMENT = ("raw_data", "validated_data", "trained_model", "evaluation_report")
WITHOUT_PAGE = "bootstrap: 50, evidently: never"
RELEASE = (*BEFORE_DEPLOYMENT, "deployed_bento")


def small_credit(folder: Path, *, evidently: bool = False) -> Declaration:
    """A copy of the small model in `folder`; Evidently's page takes seconds of each evaluation."""
    shutil.copytree(MODELS / "small_credit", folder)
    declaration = load_declaration(folder / "defs.yaml")
    return declaration if evidently else changed(declaration, "bootstrap: 50", WITHOUT_PAGE)


def committed(folder: Path) -> str:
    """Make a repository of the folder, with one commit, and return its name."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(folder), *who, *command], check=True)
    head = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()


def changed(declaration: Declaration, old: str, new: str) -> Declaration:
    """The declaration with one part of its file replaced."""
    text = declaration.file.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    declaration.file.write_text(text.replace(old, new), encoding="utf-8")
    return load_declaration(declaration.file)


def materialize(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    *,
    only: Sequence[str] = RELEASE,
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    also: Sequence[dg.AssetsDefinition] = (),
) -> dg.ExecuteInProcessResult:
    """Materialize assets of the model by the last part of their keys; a release without."""
    definitions = dg.Definitions.merge(
        model_definitions(declaration), dg.Definitions(assets=also, resources=resources())
    )
    name = declaration.spec.name
    selected = [*(dg.AssetKey([name, part]) for part in only), *(asset.key for asset in also)]
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=selected,
        tags=tags,
        partition_key=partition,
    )


def materialized(result: dg.ExecuteInProcessResult) -> list[str]:
    """The assets that a run materialized, by the last part of their keys, in order."""
    events = result.get_asset_materialization_events()
    return [event.asset_key.path[-1] for event in events if event.asset_key]


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Which checks passed."""
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    """What the materialization of an asset shows."""
    for event in result.get_asset_materialization_events():
        if event.asset_key and event.asset_key.path[-1] == asset:
            return {key: value.value for key, value in event.materialization.metadata.items()}
    raise AssertionError(f"{asset} was not materialized")


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed step says."""
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description
            return (data.error.cause or data.error).message
    raise AssertionError("no step failed")
