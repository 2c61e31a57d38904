"""One record to one row of numbers, without lists of lists, matrices or pandas."""

from collections.abc import Mapping, Sequence
from math import nan
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import FeatureError
from ml_platform.features.encoder import FeatureEncoder
from ml_platform.features.values import EXACT, LARGEST, number


class RowEncoder:
    """Encodes records as `FeatureEncoder` does, bit for bit, in the type of the rows.

    dtype: float32, which is what trees compare, or float64.
    """

    def __init__(self, encoder: FeatureEncoder, dtype: type[np.float32] | type[np.float64]) -> None:
        self._encoder = encoder
        self._dtype = dtype
        self._width = encoder.width
        self._numeric = encoder.numeric
        letter = "f" if dtype is np.float32 else "d"
        self._numbers = Struct(f"{len(encoder.numeric)}{letter}")
        self._bytes = self._width * np.dtype(dtype).itemsize
        self._blocks = [
            (block.column, offset, block, block.lookup, block.rest)
            for offset, block in zip(encoder.offsets, encoder.blocks, strict=False)
        ]

    def row(self, record: Mapping[str, Any]) -> NDArray[Any]:
        """Encode a record; shape (width,).

        Raises FeatureError when it lacks a feature or a number is something else.
        """
        row: Any = np.zeros(self._width, self._dtype)
        try:
            self._numbers.pack_into(row, 0, *self._numbers_of(record))
            for place in self._ones_of(record, 0):
                row[place] = 1.0
        except KeyError:
            raise self._lacking([record]) from None
        return row

    def rows(self, records: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
        """Encode records; shape (n, width). Raises FeatureError like `row`."""
        rows = np.zeros((len(records), self._width), self._dtype)
        flat: Any = rows.reshape(-1)
        ones: list[int] = []
        try:
            for index, record in enumerate(records):
                numbers = self._numbers_of(record)
                self._numbers.pack_into(flat, index * self._bytes, *numbers)
                ones += self._ones_of(record, index * self._width)
        except KeyError:
            raise self._lacking(records) from None
        flat[ones] = 1.0
        return rows

    def _numbers_of(self, record: Mapping[str, Any]) -> list[float]:
        return [
            value
            if ((kind := type(value := record[name])) is float and -LARGEST <= value <= LARGEST)
            or (kind is int and -EXACT <= value <= EXACT)
            else (nan if value is None else number(value, name))
            for name in self._numeric
        ]

    def _ones_of(self, record: Mapping[str, Any], start: int) -> list[int]:
        ones: list[int] = []
        for column, offset, block, lookup, rest in self._blocks:
            value = record[column]
            place = lookup.get(value, rest) if type(value) is str else block.position(value)
            if place is not None:
                ones.append(start + offset + place)
        return ones

    def _lacking(self, records: Sequence[Mapping[str, Any]]) -> FeatureError:
        try:
            self._encoder.encode_records(records)
        except FeatureError as error:
            return error
        return FeatureError("a record lacks a feature")
