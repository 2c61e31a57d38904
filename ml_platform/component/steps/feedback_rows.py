"""Labeled production rows as rows to train on: what was asked, and what came of it."""

from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime

from ml_platform.component.handles import FeedbackUsed
from ml_platform.component.platform import Platform
from ml_platform.feedback.audit import Audit
from ml_platform.feedback.inference_table import FEATURE, InferenceTable
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.labeled import NAME, LabeledTable
from ml_platform.plugins import Strict
from ml_platform.spec.load import Declaration


class _Latest(Strict, extra="ignore"):
    """What this module reads of the handle of `labeled_feedback`."""

    version: int
    audit: Audit
    matured: tuple[AwareDatetime, AwareDatetime] | None


def with_feedback(
    declaration: Declaration, platform: Platform, source: pd.DataFrame
) -> tuple[pd.DataFrame, FeedbackUsed]:
    """Add the matured labels that the audit lets teach to the rows of the source.

    A row of the source that has the id of a labeled prediction stands for both.
    """
    spec = declaration.spec
    if spec.feedback is None or not spec.training_data.feedback:
        return source, FeedbackUsed(reason="not declared")
    text = platform.handles.read(f"{spec.name}/{NAME}/latest.json")
    if text is None:
        return source, FeedbackUsed(reason="no labels came yet")
    latest = _Latest.model_validate_json(text)
    refusal = _refusal(declaration, latest)
    if refusal or latest.matured is None:
        return source, FeedbackUsed(version=latest.version, reason=refusal or "no window matured")
    only_random = latest.audit.trainable == "exploration"
    through = latest.matured[1]
    rows = _labeled_rows(declaration, platform, through, only_random=only_random)
    repeated = _repeated(rows, source, spec.data.id)
    rows = rows[~repeated]
    used = FeedbackUsed(
        through=through, rows=len(rows), repeated=int(repeated.sum()), version=latest.version
    )
    return pd.concat([source, rows.reindex(columns=source.columns)], ignore_index=True), used


def _refusal(declaration: Declaration, latest: _Latest) -> str:
    if latest.audit.trainable == "none":
        return f"the audit keeps it out: {latest.audit.result.reason}"
    spec = declaration.spec
    hidden = [
        name
        for name, column in spec.data.contract.columns.items()
        if column.sensitive and not column.nullable and name != spec.data.target
    ]
    if hidden and spec.serving.journal.sensitive != "keep":
        how = {"hash": "hashed", "drop": "not logged"}[spec.serving.journal.sensitive]
        return f"{', '.join(hidden)} is {how}; serving.journal.sensitive: keep would log it"
    return ""


def _labeled_rows(
    declaration: Declaration, platform: Platform, through: datetime, *, only_random: bool
) -> pd.DataFrame:
    """Rows with the columns of the contract, in the order of their time."""
    spec, url = declaration.spec, platform.settings.data_url
    labels = _labels(url, spec.name, through, only_random=only_random)
    if labels.num_rows == 0:
        return pd.DataFrame(columns=list(spec.data.contract.columns))
    first = pc.min(labels["time"]).as_py().date()
    log = InferenceTable(url, spec.name)
    hidden = {n for n, c in spec.data.contract.columns.items() if c.sensitive}
    kept = spec.serving.journal.sensitive == "keep"
    logged = [
        name
        for name in spec.data.contract.columns
        if f"{FEATURE}{name}" in log.look().schema.names and (kept or name not in hidden)
    ]
    columns = ["prediction_id", "key", "role", *(f"{FEATURE}{name}" for name in logged)]
    asked = log.read(first=first, last=through.date(), columns=columns)
    asked = asked.filter(pc.not_equal(asked["role"], "shadow"))
    rows = labels.to_pandas().merge(asked.to_pandas(), on="prediction_id", validate="one_to_one")
    rows = rows.sort_values(["time", "prediction_id"], ignore_index=True)
    return _in_columns_of_the_contract(declaration, rows, logged)


def _labels(url: str, name: str, through: datetime, *, only_random: bool) -> pa.Table:
    """Labels in force of predictions before `through`: id, time and label."""
    table = LabeledTable(url, name).files.open()
    empty = {"prediction_id": pa.string(), "label": pa.string(), "time": pa.timestamp("us", "UTC")}
    if table is None:
        return pa.table({name: pa.array([], kind) for name, kind in empty.items()})
    found = table.to_pyarrow_table(
        filters=[("outcome", "=", "joined")], columns=[*empty, "random", "source"]
    )
    wanted = pc.and_(
        pc.less(found["time"], pa.scalar(through, found["time"].type)),
        pc.not_equal(pc.fill_null(found["source"], ""), "model"),
    )
    if only_random:
        wanted = pc.and_(wanted, pc.fill_null(found["random"], fill_value=False))
    return found.filter(wanted).select(list(empty))


def _in_columns_of_the_contract(
    declaration: Declaration, rows: pd.DataFrame, logged: list[str]
) -> pd.DataFrame:
    data = declaration.spec.data
    contract = LabelContract(data.target, data.contract.columns[data.target])
    found: dict[str, Any] = {}
    for name in data.contract.columns:
        if name == data.target:
            found[name] = contract.values(rows["label"])
        elif name in logged:
            found[name] = _naive(rows[f"{FEATURE}{name}"])
        elif name == data.id:
            found[name] = rows["key"]
        elif name == data.event_time:
            found[name] = _naive(rows["time"])
        else:
            found[name] = None
    return pd.DataFrame(found)


def _naive(column: pd.Series) -> pd.Series:
    """Times as sources give them: UTC without a zone."""
    return column.dt.tz_localize(None) if isinstance(column.dtype, pd.DatetimeTZDtype) else column


def _repeated(rows: pd.DataFrame, source: pd.DataFrame, key: str | None) -> pd.Series:
    if key is None or key not in source.columns:
        return pd.Series(data=False, index=rows.index)
    again = rows.duplicated(key, keep="last")
    return rows[key].isin(source[key]) | (again & rows[key].notna())
