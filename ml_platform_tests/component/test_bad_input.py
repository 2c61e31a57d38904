"""Bad data through the real pipeline: a clear sentence, nothing lost, or it simply works."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import mlflow
import numpy as np
import pandas as pd
import pytest

from ml_platform.component.platform import Platform
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform.spec.usable import unusable
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    failure,
    materialize,
    materialized,
    metadata,
)

DECLARATION = """\
type: ml_platform.MLModel
attributes:
  name: orders
  owner: shop@example.com
  description: Will the customer come back?
  intended_use: Mailings.
  task: binary
  data:
    source: {type: csv, path: rows.csv}
    target: back
    id: id
    contract:
      version: 1
      columns:
        id: {dtype: int64, unique: true}
        class: {dtype: float64, nullable: true}
        国家: {dtype: category, nullable: true}
        back: {dtype: int64, allowed: [0, 1]}
      table: {min_rows: 50}
  features: {numeric: [class], categorical: [国家]}
  split: {type: stratified, holdout: 0.25, seed: 1}
  training: {type: xgboost, rounds: 5, seed: 1}
  evaluation: {metrics: [roc_auc], bootstrap: 0}
"""


def rows(count: int = 400) -> pd.DataFrame:
    """Orders with a column named like a keyword and one in Chinese."""
    rng = np.random.default_rng(1)
    score = rng.normal(size=count)
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "class": score,
            "国家": rng.choice(["德国", "法国"], count),
            "back": (score + rng.normal(size=count) > 0).astype(int),
        }
    )


def orders(folder: Path, frame: pd.DataFrame) -> Declaration:
    """The declaration on these rows."""
    folder.mkdir()
    frame.to_csv(folder / "rows.csv", index=False)
    file = folder / "defs.yaml"
    file.write_text(DECLARATION, encoding="utf-8")
    return load_declaration(file)


def test_columns_named_like_keywords_or_in_chinese_train(
    tmp_path: Path, instance: dg.DagsterInstance, platform: Platform
) -> None:
    result = materialize(orders(tmp_path / "o", rows()), instance, only=BEFORE_DEPLOYMENT)
    assert result.success
    assert metadata(result, "raw_data")["dagster/row_count"] == 400


def test_ten_thousand_categories_train(
    tmp_path: Path, instance: dg.DagsterInstance, platform: Platform
) -> None:
    frame = rows(20_000).assign(国家=[f"c{i % 10_000}" for i in range(20_000)])
    assert materialize(orders(tmp_path / "o", frame), instance, only=BEFORE_DEPLOYMENT).success


@pytest.mark.parametrize("stopped", ["raw_data", "trained_model"])
def test_a_trainer_that_cannot_train_as_declared_is_told_once_before_rows_are_read(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    stopped: str,
) -> None:
    sound = orders(tmp_path / "o", rows())
    before = () if stopped == "raw_data" else ("raw_data", "validated_data")
    if before:
        assert materialize(sound, instance, only=before).success
    params = "params: {objective: reg:squarederror}"
    declaration = changed(sound, "{type: xgboost,", f"{{type: xgboost, {params},")
    (tmp_path / "o" / "rows.csv").unlink()
    monkeypatch.delattr("ml_platform.component.steps.train.read_parts")
    rest = [name for name in BEFORE_DEPLOYMENT if name not in before]
    result = materialize(declaration, instance, only=rest)
    assert materialized(result) == []
    [problem] = unusable(declaration)
    assert failure(result).endswith(problem + "\n")
    assert "objective 'reg:squarederror' does not fit task binary" in problem


def one_class(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(back=0)


def null_target(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(back=frame["back"].astype("Int64").where(frame["id"] > 9))


def duplicate_ids(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(id=frame["id"] // 2)


def too_few(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.head(20)


def wrong_types(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{"class": "many"})


def missing_column(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="国家")


@pytest.mark.parametrize(
    ("spoil", "stops_at", "said"),
    [
        (one_class, "trained_model", "one target value"),
        (null_target, "validated_data", "back: nullable: 10 of 400 rows"),
        (duplicate_ids, "validated_data", "id: unique: 400 of 400 rows"),
        (too_few, "validated_data", "min_rows: 20 rows (valid: >= 50 rows)"),
        (wrong_types, "validated_data", "class: dtype: 400 of 400 rows"),
        (
            missing_column,
            "validated_data",
            "国家: columns: there are: id, class, back (valid: a column of this name)",
        ),
    ],
)
def test_bad_rows_stop_the_run_with_a_sentence_that_names_the_trouble(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    platform: Platform,
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    stops_at: str,
    said: str,
) -> None:
    result = materialize(orders(tmp_path / "o", spoil(rows())), instance)
    assert not result.success
    assert materialized(result) == list(BEFORE_DEPLOYMENT[: BEFORE_DEPLOYMENT.index(stops_at)])
    assert said in failure(result)
    assert platform.registry.versions("orders") == []


def test_every_broken_rule_is_a_row_of_the_table_on_the_page_of_the_check(
    tmp_path: Path, instance: dg.DagsterInstance, settings: Settings
) -> None:
    frame = rows()
    frame.loc[3:5, "back"] = 7
    frame.loc[8, "id"] = 9
    result = materialize(orders(tmp_path / "o", frame), instance, only=BEFORE_DEPLOYMENT[:2])
    [check] = result.get_asset_check_evaluations()
    records = check.metadata["violations"].value.records
    assert [dict(record.data) for record in records] == [
        {
            "column": "id",
            "rule": "unique",
            "valid": "no value twice",
            "found": "2 of 400 rows, such as 9 in row 8",
            "rows": 2,
            "samples": "row 8: id=9; row 9: id=9",
        },
        {
            "column": "back",
            "rule": "allowed",
            "valid": "one of 0, 1",
            "found": "3 of 400 rows, such as 7 in row 3",
            "rows": 3,
            "samples": "row 3: back=7; row 4: back=7; row 5: back=7",
        },
    ]
    link = str(check.metadata["validation_report"].value)
    page = settings.reports / link.removeprefix(f"{settings.reports_address}/")
    assert "3 of 400 rows, such as 7 in row 3" in page.read_text("utf-8")


def test_kept_contract_says_so_where_the_table_would_be(
    tmp_path: Path, instance: dg.DagsterInstance, settings: Settings
) -> None:
    result = materialize(orders(tmp_path / "o", rows()), instance, only=BEFORE_DEPLOYMENT[:2])
    [check] = result.get_asset_check_evaluations()
    assert check.metadata["violations"].value == "all 400 rows keep the contract"
    assert metadata(result, "validated_data")["violations"] == "all 400 rows keep the contract"


def test_all_null_feature_is_refused_by_the_contract_or_else_by_the_training(
    tmp_path: Path, instance: dg.DagsterInstance, platform: Platform
) -> None:
    declaration = orders(tmp_path / "o", rows().assign(**{"class": np.nan}))
    assert "class: all_null" in failure(materialize(declaration, instance))
    allowed = changed(
        declaration, "class: {dtype: float64, ", "class: {dtype: float64, max_null_fraction: 1, "
    )
    result = materialize(allowed, instance)
    assert materialized(result) == ["raw_data", "validated_data"]
    assert "class" in failure(result)


@pytest.mark.parametrize("content", [None, "", "id,class,国家,back\n"])
def test_missing_or_empty_file_is_one_clear_sentence(
    tmp_path: Path, instance: dg.DagsterInstance, platform: Platform, content: str | None
) -> None:
    declaration = orders(tmp_path / "o", rows())
    file = tmp_path / "o" / "rows.csv"
    if content is None:
        file.unlink()
    else:
        file.write_text(content, encoding="utf-8")
    result = materialize(declaration, instance, only=["raw_data"])
    said = failure(result)
    assert "rows.csv" in said
    assert len(said.splitlines()) == 1


def test_rows_and_columns_that_are_in_neither_part_are_counted_and_named(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    source = declaration.folder / "source.py"
    wider = "\n\n_load = load\n\n\ndef load(**params):\n    return _load(**params).assign(note=1)\n"
    source.write_text(source.read_text("utf-8") + wider, encoding="utf-8")
    result = materialize(declaration, instance, only=BEFORE_DEPLOYMENT[:3])
    assert result.success, failure(result)
    assert metadata(result, "validated_data")["dropped_columns"] == "note"
    contract = next(c for c in result.get_asset_check_evaluations() if c.check_name == "contract")
    assert "columns that it does not know were let go: note" in (contract.description or "")

    shown = metadata(result, "trained_model")
    counts = {"training_rows": 799, "holdout_rows": 200, "left_out_rows": 1}
    assert {name: shown[name] for name in counts} == counts
    assert shown["rows"] == "799 rows trained on, 200 held out, 1 in neither"
    run = mlflow.MlflowClient(platform.settings.mlflow_url).get_run(str(shown["mlflow_run_id"]))
    assert {name: int(run.data.params[name]) for name in counts} == counts

    again = materialize(declaration, instance, only=["trained_model"])
    assert metadata(again, "trained_model")["reused"] is True
    assert metadata(again, "trained_model")["rows"] == shown["rows"]


def test_quarantined_rows_are_kept_counted_and_left_out_of_training(
    tmp_path: Path, instance: dg.DagsterInstance, platform: Platform
) -> None:
    frame = rows()
    frame.loc[:9, "back"] = 7
    declaration = changed(
        orders(tmp_path / "o", frame), "table: {min_rows: 50}", "on_invalid: quarantine"
    )
    result = materialize(declaration, instance, only=BEFORE_DEPLOYMENT[:2])
    assert result.success
    assert metadata(result, "validated_data")["quarantined_rows"] == 10
    kept = platform.snapshots.read("orders/quarantine")
    assert len(kept) == 10
    assert kept["_reason"].str.contains("back").all()
    assert len(platform.snapshots.read("orders/validated_data")) == 390
