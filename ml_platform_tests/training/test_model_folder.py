import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import ModelError
from ml_platform.features.spec import FeatureSpec
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

CODE = "def build(frame):\n    return frame.assign(double=frame['a'] * 2)\n"
SPEC = FeatureSpec(numeric=("double",), categorical=("b",), transform="features:build")
FRAME = pd.DataFrame({
    "a": np.arange(40.0), "b": ["x", "y"] * 20, "when": pd.date_range("2024-01-01", periods=40),
    "late": [False] * 20 + [True] * 20,
})  # fmt: skip


@pytest.fixture(scope="module", params=["xgboost", "sklearn", "voting"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    trainers: dict[str, dict[str, Any]] = {
        "xgboost": {"type": "xgboost", "rounds": 3},
        "sklearn": {"type": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"},
        "voting": {"type": "sklearn", "estimator": "sklearn.ensemble.VotingClassifier", "params": {
            "voting": "soft", "estimators": [
                ["linear", {"estimator": "sklearn.linear_model.LogisticRegression"}],
                ["tree", {"estimator": "sklearn.tree.DecisionTreeClassifier"}],
            ]}},
    }  # fmt: skip
    home = tmp_path_factory.mktemp("model")
    (home / "features.py").write_text(CODE)
    model = train(
        FRAME, target="late", task=Task.BINARY, features=SPEC, folder=home,
        trainer=TRAINERS.parse(trainers[request.param]),
    )  # fmt: skip
    model.save(home / "saved", folder_of_declaration=home)
    return model, home / "saved"


@pytest.fixture
def model(saved: tuple[Model, Path]) -> Model:
    return saved[0]


@pytest.fixture
def folder(saved: tuple[Model, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved[1], tmp_path / "copy"))


def test_a_stored_model_scores_bit_for_bit_as_the_trained_one(model: Model, folder: Path):
    loaded = Model.load(folder)
    assert loaded.scores(FRAME).tobytes() == model.scores(FRAME).tobytes()
    records: list[dict[str, Any]] = FRAME.drop(columns="late").to_dict("records")
    assert loaded.scores_of_records(records).tobytes() == model.scores(FRAME).tobytes()
    assert loaded.classes == (False, True)
    assert type(loaded.classes[0]) is bool
    assert (loaded.encoder, loaded.features, loaded.inputs, loaded.threshold) == (
        model.encoder, model.features, model.inputs, model.threshold,
    )  # fmt: skip


def test_a_loaded_model_can_be_stored_again(folder: Path, tmp_path: Path):
    loaded = Model.load(folder)
    loaded.save(tmp_path / "again", folder_of_declaration=folder)
    again = Model.load(tmp_path / "again")
    assert again.scores(FRAME).tobytes() == loaded.scores(FRAME).tobytes()


def test_the_code_of_the_transform_travels_with_the_model(folder: Path):
    assert (folder / "features.py").read_text() == CODE
    assert Model.load(folder).transform is not None


def files_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_any_changed_file_is_refused(folder: Path):
    for file in files_of(folder):
        content = file.read_bytes()
        file.write_bytes(content[:-3] + b" \n ")
        if file.name == "model.json":
            continue_after = pytest.raises(ModelError, match="cannot be read")
        else:
            continue_after = pytest.raises(ModelError, match="was changed after training")
        with continue_after:
            Model.load(folder)
        file.write_bytes(content)
    Model.load(folder)


def test_any_missing_file_is_refused(folder: Path):
    for file in files_of(folder):
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(ModelError, match=r"is missing|has no model.json"):
            Model.load(folder)
        file.write_bytes(content)


def test_planted_code_is_not_run(folder: Path, tmp_path: Path):
    manifest = json.loads((folder / "model.json").read_text())
    del manifest["files"]["features.py"]
    (folder / "model.json").write_text(json.dumps(manifest))
    (folder / "features.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match=r"not in the manifest: features\.py"):
        Model.load(folder)
    assert not (tmp_path / "ran").exists()


def test_no_pickle_is_read_while_loading(
    model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("a pickle was read")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    assert Model.load(folder).scores(FRAME).tobytes() == model.scores(FRAME).tobytes()


def test_a_newer_format_is_named(folder: Path):
    manifest = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(manifest | {"format": 2, "new": True}))
    with pytest.raises(ModelError, match="format 2; valid: 1"):
        Model.load(folder)


def test_a_model_is_not_written_over_other_files(model: Model, folder: Path):
    with pytest.raises(ModelError, match="is not empty"):
        model.save(folder, folder_of_declaration=folder)


def test_a_folder_in_which_writing_was_cut_off_is_no_model(
    model: Model, folder: Path, tmp_path: Path
):
    (tmp_path / "cut").mkdir()
    for file in files_of(folder):
        if file.name != "model.json":
            shutil.copy(file, tmp_path / "cut")
    with pytest.raises(ModelError, match=r"has no model\.json"):
        Model.load(tmp_path / "cut")


def test_the_trained_model_has_what_the_stored_one_says(model: Model, folder: Path):
    manifest = json.loads((folder / "model.json").read_text())
    assert manifest["trainer"] == model.trainer
    assert manifest["inputs"] == {"a": "float64", "b": "object", "when": "datetime64[ns]"}
