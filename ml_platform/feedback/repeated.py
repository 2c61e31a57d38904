"""Predictions that were logged twice: sent again by a client that had got no answer."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.feedback.day_table import today_utc
from ml_platform.feedback.inference_table import (
    DUPLICATE_WINDOW,
    InferenceTable,
    identity,
)
from ml_platform.feedback.record_rows import Rows


def without_repeated(rows: Rows, table: InferenceTable) -> pa.Table:
    """Return the rows that are new: the first of each prediction, unless `table` has it.

    The table is asked for ids that clients made, in the days of the rows and `DUPLICATE_WINDOW`
    before; an id that the service made cannot come twice but within these rows.
    """
    new = _first_of_each(rows.table)
    found = rows.table
    if pc.any(rows.sent).as_py():
        new &= ~_logged_before(rows, table)
    return found if new.all() else found.filter(pa.array(new))


def _first_of_each(rows: pa.Table) -> np.ndarray:
    new = np.ones(rows.num_rows, dtype=bool)
    ids = rows["prediction_id"]
    if pc.count_distinct(ids).as_py() == rows.num_rows:
        return new
    columns = (ids.to_pylist(), rows["role"].to_pylist(), rows["version"].to_pylist())
    seen: set[object] = set()
    for i, row in enumerate(zip(*columns, strict=True)):
        who = identity(*row)
        new[i] = who not in seen
        seen.add(who)
    return new


def _logged_before(rows: Rows, table: InferenceTable) -> np.ndarray:
    sent = rows.table.filter(rows.sent)
    first = today_utc(pc.min(sent["time"]).as_py()) - DUPLICATE_WINDOW
    last = today_utc(pc.max(sent["time"]).as_py())
    ids = sent["prediction_id"].combine_chunks()
    known = table.known(ids, first=first, last=last)
    logged = np.zeros(rows.table.num_rows, dtype=bool)
    if not known:
        return logged
    candidates = np.flatnonzero(rows.sent.to_numpy(zero_copy_only=False))
    names = ("prediction_id", "role", "version")
    columns = (sent[name].to_pylist() for name in names)
    for i, row in zip(candidates, zip(*columns, strict=True), strict=True):
        logged[i] = identity(*row) in known
    return logged
