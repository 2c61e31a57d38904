"""What is read of a version is read once."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ml_platform.component.steps.kept_version import KeptVersion
from ml_platform.exceptions import ModelError
from ml_platform.training.model import Model


class CountingRegistry:
    def __init__(self) -> None:
        self.downloads = 0

    def download(self, model: str, version: int, to: Path) -> Path:
        self.downloads += 1
        return to


def test_model_is_downloaded_once_below_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, loaded = CountingRegistry(), []
    monkeypatch.setattr(Model, "load", lambda folder: loaded.append(folder) or "a model")
    kept = KeptVersion(SimpleNamespace(registry=registry), "delays", 3, tmp_path)  # pyright: ignore
    assert kept.model == kept.model == "a model"
    assert loaded == [tmp_path / "3"] == [kept.folder]
    assert registry.downloads == 1


def test_what_cannot_be_read_is_said_each_time(tmp_path: Path) -> None:
    kept = KeptVersion(SimpleNamespace(registry=CountingRegistry()), "delays", 3, tmp_path)  # pyright: ignore
    for _ in range(2):
        with pytest.raises(ModelError, match="is no model"):
            _ = kept.model
