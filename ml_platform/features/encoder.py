"""From columns or records to the matrix that an estimator sees."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import FeatureError, ModelError
from ml_platform.features.category_block import CategoryBlock
from ml_platform.features.columns import column_of
from ml_platform.features.spec import FeatureSpec
from ml_platform.features.values import EXACT, LARGEST, number

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureEncoder:
    """Numeric columns first, then one block of 0/1 columns a categorical column.

    Numbers keep their value as float64, null is NaN, and what lies beyond a float32 is held at
    its largest. A category never seen, and null, is 0 in its whole block.
    """

    numeric: tuple[str, ...]
    blocks: tuple[CategoryBlock, ...]

    @classmethod
    def fit(cls, frame: "pd.DataFrame", spec: FeatureSpec) -> "FeatureEncoder":
        """Learn the categories of the training rows.

        Raises FeatureError when a column is missing or holds what cannot be a feature.
        """
        blocks = [
            CategoryBlock.fit(column_of(frame, name), name, max_categories=spec.max_categories)
            for name in spec.categorical
        ]
        for name in spec.numeric:
            column_of(frame, name)
        return cls(numeric=spec.numeric, blocks=tuple(blocks))

    @property
    def columns(self) -> tuple[str, ...]:
        """The features, in the order of the matrix."""
        return self.numeric + tuple(block.column for block in self.blocks)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First matrix column of each block, and last the width of the matrix."""
        ends = np.cumsum([len(self.numeric), *(block.width for block in self.blocks)])
        return tuple(int(end) for end in ends)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return self.offsets[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns: `distance`, `carrier=UA`, `tail=(other)`."""
        return self.numeric + tuple(name for block in self.blocks for name in block.names)

    def encode(self, frame: "pd.DataFrame") -> Matrix:
        """Encode a frame of n rows; float64 of shape (n, width), rows contiguous.

        Raises FeatureError when a column is missing or a numeric one holds something else.
        """
        matrix = np.zeros((len(frame), self.width))
        for place, name in enumerate(self.numeric):
            matrix[:, place] = _numbers(column_of(frame, name), name)
        for offset, block in zip(self.offsets, self.blocks, strict=False):
            positions = block.positions(column_of(frame, block.column))
            rows = np.flatnonzero(positions >= 0)
            matrix[rows, offset + positions[rows]] = 1.0
        return matrix

    def encode_records(self, records: Sequence[Mapping[str, Any]]) -> Matrix:
        """Encode records as `encode` would encode a frame of them, bit for bit, without pandas.

        Raises FeatureError when a record lacks a feature or a number is something else.
        """
        matrix = np.zeros((len(records), self.width))
        numbers: list[float] = []
        ones: list[int] = []
        try:
            for row, record in enumerate(records):
                numbers += self._numbers_of(record)
                ones += self._ones_of(record, row * self.width)
        except KeyError:
            raise FeatureError(_lacking(records, self.columns)) from None
        width = len(self.numeric)
        matrix[:, :width] = np.array(numbers).reshape(len(records), width)
        matrix.reshape(-1)[ones] = 1.0
        return matrix

    def _numbers_of(self, record: Mapping[str, Any]) -> list[float]:
        return [
            value
            if ((kind := type(value := record[name])) is float and -LARGEST <= value <= LARGEST)
            or (kind is int and -EXACT <= value <= EXACT)
            else (nan if value is None else number(value, name))
            for name in self.numeric
        ]

    def _ones_of(self, record: Mapping[str, Any], start: int) -> list[int]:
        ones: list[int] = []
        for column, offset, block, lookup, rest in self._plan:
            value = record[column]
            # Text is its own token, and the commonest one: it is looked up without a call.
            place = lookup.get(value, rest) if type(value) is str else block.position(value)
            if place is not None:
                ones.append(start + offset + place)
        return ones

    @cached_property
    def _plan(self) -> list[tuple[str, int, CategoryBlock, dict[Any, int], int | None]]:
        return [
            (block.column, offset, block, block.lookup, block.rest)
            for offset, block in zip(self.offsets, self.blocks, strict=False)
        ]

    def to_json(self) -> str:
        """Write the encoder; `from_json` gives an equal one back."""
        blocks = [
            {"column": block.column, "categories": block.categories, "other": block.other}
            for block in self.blocks
        ]
        return json.dumps({"numeric": self.numeric, "categorical": blocks}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "FeatureEncoder":
        """Read what `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            blocks = [
                CategoryBlock(block["column"], tuple(block["categories"]), block["other"])
                for block in content["categorical"]
            ]
            return cls(numeric=tuple(content["numeric"]), blocks=tuple(blocks))
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"the stored feature encoder cannot be read: {error!r}") from error


def _numbers(series: "pd.Series", name: str) -> Matrix:
    import pandas as pd

    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        values = series.to_numpy(np.float64, copy=True)
    elif pd.api.types.is_numeric_dtype(series.dtype):  # the nullable ones
        values = series.to_numpy(np.float64, na_value=np.nan, copy=True)
    else:
        return np.array([number(value, name) for value in series], np.float64)
    values[np.isnan(values)] = np.nan  # one NaN of the many, as `number` gives
    return np.clip(values, -LARGEST, LARGEST, out=values)


def _lacking(records: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> str:
    for row, record in enumerate(records):
        lacking = [name for name in columns if name not in record]
        if lacking:
            return f"record {row} lacks {', '.join(map(repr, lacking))}"
    return "a record lacks a feature"
