"""The contract of the registry, for its twin and for a new one; that of the release store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.exceptions import MLPlatformError, ModelError
from ml_platform.registry.version import TrainingRows, VersionRegistry
from ml_platform.testing.releases import check_release_store, promotion

__all__ = ["check_registry", "check_release_store", "promotion"]


def check_registry(registry: VersionRegistry, folder: Path, *, model: str = "contract") -> None:
    """Assert that an empty registry keeps the contract of `VersionRegistry`.

    folder: an empty one to work in.
    """
    run_id = _check_runs(registry, folder, model)
    _check_artifacts(registry, folder, run_id)
    _check_versions(registry, folder, run_id, model)


def _check_runs(registry: VersionRegistry, folder: Path, model: str) -> str:
    first = registry.open_run(model, dagster_run_id="aaa", tags={"owner": "o@example.com"})
    assert registry.open_run(model, dagster_run_id="aaa") == first, "one run a Dagster run"
    assert registry.open_run("another", dagster_run_id="aaa") != first, "one run a model"
    registry.finish_run(first, "FAILED")
    again = registry.open_run(model, dagster_run_id="bbb", root_run_id="aaa")
    assert again == first, "a retry goes on with the run that failed"
    tags = registry.run_tags(first)
    assert (tags["dagster_run_id"], tags["owner"]) == ("bbb", "o@example.com")
    registry.finish_run(first)
    fresh = registry.open_run(model, dagster_run_id="ccc", root_run_id="aaa")
    assert fresh != first, "a run that finished well is not gone on with"
    rows = TrainingRows(name="contract/validated_data", hash="ab" * 32, rows=100)
    registry.log_training(
        fresh,
        params={"depth": 6, "nested": {"a": [1, 2]}, "long": "x" * 10_000},
        metrics={"roc_auc": 0.75, "unmeasurable": None},
        dataset=rows,
        tags={"git_commit": "c0ffee"},
    )
    assert registry.run_tags(fresh)["git_commit"] == "c0ffee"
    assert fresh in registry.run_url(fresh)
    return fresh


def _check_artifacts(registry: VersionRegistry, folder: Path, run_id: str) -> None:
    report = folder / "report"
    (report / "plots").mkdir(parents=True)
    (report / "plots" / "roc.txt").write_text("curve", encoding="utf-8")
    registry.log_artifacts(run_id, report, under="evaluation")
    registry.log_artifacts(run_id, {"certificate.json": "{ü}"})
    assert registry.read_artifact_text(run_id, "evaluation/plots/roc.txt") == "curve"
    assert registry.read_artifact_text(run_id, "certificate.json") == "{ü}"
    assert registry.read_artifact_text(run_id, "evaluation/nothing.txt") is None
    assert registry.read_artifact_text(run_id, "nowhere/nothing.txt") is None


def _check_versions(registry: VersionRegistry, folder: Path, run_id: str, model: str) -> None:
    assert registry.versions(model) == []
    assert registry.aliases(model) == {}
    assert registry.find(model, fingerprint="f1") is None
    _refuses(lambda: registry.get(model, 1), ModelError, saying="none")

    saved = _saved_model(folder / "saved")
    examples: dict[str, Any] = {
        "input_example": pd.DataFrame({"x": [1.0, 2.0], "名": ["a", None]}),
        "output_example": np.array([0.25, 0.5]),
    }
    for fingerprint in ("f1", "f2", "f1"):
        tags = {"fingerprint": fingerprint, "owner": "o@example.com"}
        registry.register(model, run_id=run_id, folder=saved, tags=tags, **examples)
    assert [found.version for found in registry.versions(model)] == [3, 2, 1]
    second = registry.get(model, 2)
    assert (str(second), second.run_id, second.tags["fingerprint"]) == (f"{model}:2", run_id, "f2")
    latest = registry.find(model, fingerprint="f1")
    assert latest is not None
    assert latest.version == 3
    _refuses(lambda: registry.get(model, 4), ModelError, saying="1, 2, 3")

    registry.set_tags(model, 2, {"certificate": "abc"})
    assert registry.get(model, 2).tags == {**second.tags, "certificate": "abc"}
    registry.set_alias(model, "champion", 1)
    registry.set_alias(model, "champion", 2)
    assert registry.aliases(model) == {"champion": 2}
    registry.set_alias(model, "champion", None)
    registry.set_alias(model, "previous", None)
    assert registry.aliases(model) == {}

    downloaded = registry.download(model, 1, folder / "downloaded")
    assert (downloaded / "estimator" / "model.ubj").read_bytes() == b"\x00\xff"


def _saved_model(folder: Path) -> Path:
    (folder / "estimator").mkdir(parents=True)
    (folder / "model.json").write_text("{}", encoding="utf-8")
    (folder / "estimator" / "model.ubj").write_bytes(b"\x00\xff")
    return folder


def _refuses(
    action: Callable[[], object], error: type[MLPlatformError], *, saying: str = ""
) -> None:
    said: str | None = None
    try:
        action()
    except error as raised:
        said = str(raised)
    assert said is not None, f"{error.__name__} was to be raised"
    assert saying in said, f"{said!r} does not say {saying!r}"
