"""Predictions and labels in their tables, as services and files bring them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable

from ml_platform.data.contract import ColumnContract
from ml_platform.feedback import inference_table, labels_received
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.feedback.join import LabelJoin
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.labels_received import labels_table

START = datetime(2024, 1, 1, tzinfo=UTC)
MODEL = "m"


class Deliveries:
    """The tables of a model under a folder, and the join over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = InferenceTable(str(folder), MODEL)
        self.labels = labels_table(str(folder), MODEL)
        self._number = 0

    def predict(self, *rows: Mapping[str, Any]) -> None:
        self._put(self.log, rows, inference_table.COLUMNS)

    def tell(self, *rows: Mapping[str, Any]) -> None:
        self._put(self.labels, rows, labels_received.COLUMNS)

    def join(self) -> LabelJoin:
        contract = LabelContract("late", ColumnContract(dtype="int64", allowed=(0, 1)))
        return LabelJoin(str(self.folder), MODEL, contract=contract, memory="200MB")

    def rows(self) -> pd.DataFrame:
        return DeltaTable(str(self.folder / MODEL / "labeled_feedback")).to_pandas()

    def outcomes(self) -> dict[str, int]:
        return self.rows()["outcome"].value_counts().to_dict()

    def _put(self, table: Any, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
        self._number += 1
        found = pa.Table.from_pylist(list(rows), schema=schema)
        assert table.append(found, {f"d{self._number}": 1}, looked=table.look())


def prediction(id_: str, *, day: float = 0, key: str | None = None, role: str = "champion") -> Any:
    return {
        "prediction_id": id_,
        "key": key,
        "time": START + timedelta(days=day),
        "prediction": "1",
        "score": 0.5,
        "version": 1,
        "role": role,
        "latency_us": 1,
        "request_id": "",
        "random": False,
        "segment": "s",
    }


def label(
    id_: str | None,
    value: str = "1",
    *,
    key: str | None = None,
    day: float = 2,
    source: str = "bank",
    received: float = 5,
) -> Any:
    return {
        "prediction_id": id_,
        "key": key,
        "label": value,
        "observed_at": START + timedelta(days=day),
        "source": source,
        "received_at": START + timedelta(days=received),
    }
