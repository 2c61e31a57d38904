"""A team's own feature code, run the same way in training and in serving."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_platform.exceptions import DeclarationError, FeatureError
from ml_platform.features.columns import column_of
from ml_platform.features.spec import FeatureSpec
from ml_platform.functions import load_function

if TYPE_CHECKING:
    import pandas as pd

Transform = Callable[["pd.DataFrame"], Any]
"""Takes the raw columns, gives a frame with the features; `transformed` checks that it does."""


def load_transform(spec: FeatureSpec, *, folder: Path) -> Transform | None:
    """Return the declared transform, None where there is none.

    folder: that of the declaration, or of a stored model, which holds a copy of the file.
    Raises DeclarationError when there is no such file or function.
    """
    if spec.transform is None or spec.code_file is None:
        return None
    file = folder / spec.code_file
    if not file.is_file():
        raise DeclarationError(f"{file} is not there; {spec.transform!r} must lie in that file")
    return load_function(spec.transform, folder=folder)


def inputs_of(frame: "pd.DataFrame", spec: FeatureSpec, *, target: str) -> dict[str, str]:
    """Return name and dtype of the raw columns that scoring needs.

    Without a transform these are the features, with one every column but the target.
    Raises FeatureError when a feature is not a column.
    """
    if spec.transform is not None:
        names = [str(name) for name in frame.columns if name != target]
    else:
        names = list(spec.columns)
    return {name: str(column_of(frame, name).dtype) for name in names}


def transformed(
    transform: Transform, frame: "pd.DataFrame", *, inputs: Mapping[str, str]
) -> "pd.DataFrame":
    """Run the transform on a copy of the raw columns; rows keep their number and order.

    Raises FeatureError when a raw column is missing, the transform raises, or its answer is not
    a frame with a row for every row.
    """
    import pandas as pd

    lacking = [name for name in inputs if name not in frame.columns]
    if lacking:
        raise FeatureError(f"the transform needs the columns {', '.join(map(repr, lacking))}")
    rows = len(frame)
    columns = {name: column_of(frame, name).array.copy() for name in inputs}
    raw = pd.DataFrame(columns, index=pd.RangeIndex(rows))
    try:
        result = transform(raw)
    except Exception as error:  # a team's own code may raise anything; it is named and chained
        raise FeatureError(
            f"the feature transform raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(result, pd.DataFrame):
        raise FeatureError(f"the transform returned {type(result).__name__}; valid: a DataFrame")
    if len(result) != rows:
        raise FeatureError(f"the transform turned {rows:,} rows into {len(result):,}")
    if not result.index.equals(pd.RangeIndex(rows)):
        raise FeatureError(
            "the transform changed the order or the index of the rows; "
            "return them in the order and with the index that they came with"
        )
    return result


def check_row_by_row(
    transform: Transform,
    frame: "pd.DataFrame",
    features: "pd.DataFrame",
    *,
    inputs: Mapping[str, str],
    columns: Sequence[str],
) -> None:
    """Refuse a transform that gives a row other features alone than among all rows.

    Such a transform looks at other rows, and a service sees one row at a time. The first, middle
    and last row are tried. Raises FeatureError.
    """
    for row in sorted({0, len(frame) // 2, len(frame) - 1}):
        alone = transformed(transform, frame.iloc[[row]], inputs=inputs)
        for name in columns:
            if name not in alone.columns or name not in features.columns:
                continue  # the encoder says which column is missing
            one, among = alone[name].iloc[0], features[name].iloc[row]
            if not _same(one, among):
                raise FeatureError(
                    f"the transform gives {name!r} of row {row} as {one!r} alone and as {among!r} "
                    "among all rows; it must look at one row at a time, as serving does"
                )


def frame_of_records(
    records: Sequence[Mapping[str, Any]], *, inputs: Mapping[str, str]
) -> "pd.DataFrame":
    """Build the raw frame of records with the dtypes of the training rows.

    Raises FeatureError when a record lacks a column or a value does not fit its dtype.
    """
    import pandas as pd

    columns: dict[str, pd.Series] = {}
    for name, dtype in inputs.items():
        try:
            values = [record[name] for record in records]
            columns[name] = _series(values, "object" if dtype == "category" else dtype)
        except KeyError:
            raise FeatureError(f"a record lacks {name!r}") from None
        except (ValueError, TypeError, OverflowError) as error:
            raise FeatureError(f"{name!r} does not fit {dtype}: {error}") from error
    return pd.DataFrame(columns, index=pd.RangeIndex(len(records)))


def _series(values: list[Any], dtype: str) -> "pd.Series":
    import pandas as pd

    if dtype == "bool" and any(value is None for value in values):
        raise ValueError("null in a column without nulls")  # pandas would make it False
    return pd.Series(values, dtype=dtype)


def _same(one: Any, other: Any) -> bool:
    import pandas as pd

    nulls = [pd.api.types.is_scalar(value) and bool(pd.isna(value)) for value in (one, other)]
    if any(nulls):
        return all(nulls)
    if isinstance(one, (float, np.floating)) and isinstance(other, (int, float, np.number)):
        return bool(np.isclose(one, other, rtol=1e-9, atol=0.0))
    return bool(one == other)
