"""Labeled production rows as rows to train on: what was asked, and what came of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

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
from ml_platform.feedback.teaching import Stretch, Teaching, listed
from ml_platform.plugins import Strict
from ml_platform.spec.load import Declaration


class _Latest(Strict, extra="ignore"):
    """What this module reads of the handle of `labeled_feedback`."""

    version: int
    audit: Audit
    teaching: Teaching = Teaching()
    matured: tuple[AwareDatetime, AwareDatetime] | None


class _Labels(NamedTuple):
    """Labels in force that may teach: id, time and label. kept_out: how many more, by why not."""

    rows: pa.Table
    kept_out: dict[str, int]


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
    through = latest.matured[1]
    labels = _labels(platform.settings.data_url, spec.name, latest, through)
    rows = _labeled_rows(declaration, platform, labels.rows, through)
    repeated = _repeated(rows, source, spec.data.id)
    rows = rows[~repeated]
    used = FeedbackUsed(
        through=through,
        rows=len(rows),
        repeated=int(repeated.sum()),
        kept_out=sum(labels.kept_out.values()),
        version=latest.version,
        reason=listed([f"{count:,} labels: {why}" for why, count in labels.kept_out.items()]),
    )
    if rows.empty:
        return source, used
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
    declaration: Declaration, platform: Platform, labels: pa.Table, through: datetime
) -> pd.DataFrame:
    """Rows with the columns of the contract, in the order of their time."""
    spec, url = declaration.spec, platform.settings.data_url
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


def _labels(url: str, name: str, latest: _Latest, through: datetime) -> _Labels:
    """Labels of predictions before `through`, without those that an audit keeps out."""
    table = LabeledTable(url, name).files.open()
    empty = {"prediction_id": pa.string(), "label": pa.string(), "time": pa.timestamp("us", "UTC")}
    if table is None:
        return _Labels(pa.table({name: pa.array([], kind) for name, kind in empty.items()}), {})
    found = table.to_pyarrow_table(
        filters=[("outcome", "=", "joined")], columns=[*empty, "random", "source"]
    )
    wanted = pc.and_(
        pc.less(found["time"], pa.scalar(through, found["time"].type)),
        pc.not_equal(pc.fill_null(found["source"], ""), "model"),
    )
    teaching, kept_out = _taught(found.filter(wanted), latest.teaching.kept_out)
    return _Labels(teaching.select(list(empty)), kept_out)


def _taught(labels: pa.Table, stretches: Iterable[Stretch]) -> tuple[pa.Table, dict[str, int]]:
    """The labels outside of stretches that are kept out, and how many each of these holds."""
    kept_out: dict[str, int] = {}
    for stretch in stretches:
        time, kind = labels["time"], labels["time"].type
        inside = pc.and_(
            pc.greater_equal(time, pa.scalar(stretch.begin, kind)),
            pc.less(time, pa.scalar(stretch.end, kind)),
        )
        if stretch.teaches == "exploration":
            inside = pc.and_not(inside, pc.fill_null(labels["random"], fill_value=False))
        before = labels.num_rows
        labels = labels.filter(pc.invert(inside))
        if labels.num_rows < before:
            kept_out[stretch.told] = before - labels.num_rows
    return labels, kept_out


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
