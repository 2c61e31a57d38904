"""Figures of the business over the labeled predictions of a window."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_platform.exceptions import DataError
from ml_platform.functions import load_function
from ml_platform.spec.feedback import KpiSpec

if TYPE_CHECKING:
    import pandas as pd


def measure_kpi(kpi: KpiSpec, labeled: "pd.DataFrame", *, folder: Path) -> float | None:
    """Return the figure, None where there is nothing to measure it on.

    labeled: one row a labeled prediction; to SQL it is the table `labeled`.
    folder: of the declaration, where the function is looked for.
    Raises DataError when the query fails or gives something else than one number.
    """
    if labeled.empty:
        return None
    if kpi.sql is not None:
        value = _queried(kpi.sql, labeled, name=kpi.name)
    else:
        assert kpi.function is not None
        value = load_function(kpi.function, folder=folder)(labeled)
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"the figure {kpi.name} gave {value!r:.100}, not a number") from error


def _queried(sql: str, labeled: "pd.DataFrame", *, name: str) -> Any:
    import duckdb

    # A declaration is not to read files of this machine or to reach the network.
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.register("labeled", labeled)
        try:
            rows = connection.execute(sql).fetchmany(2)
        except duckdb.Error as error:
            found = ", ".join(map(str, labeled.columns))
            raise DataError(
                f"the query of {name} fails: {str(error).splitlines()[0]} (columns: {found})"
            ) from error
    if len(rows) != 1 or len(rows[0]) != 1:
        raise DataError(f"the query of {name} gives {len(rows)} row(s); it has to give one number")
    return rows[0][0]
