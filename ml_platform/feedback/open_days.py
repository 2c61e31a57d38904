"""Some days of a table, opened once for several reads."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.feedback.delta_files import clear_errors


class OpenDays:
    """The rows that some days had when they were opened; raises StoreError.

    dataset: of pyarrow, the files of these days. url: of their table.
    """

    def __init__(self, dataset: Any, *, url: str) -> None:
        self._dataset = dataset
        self._url = url

    @property
    def names(self) -> frozenset[str]:
        """The columns that the table has."""
        return frozenset(self._dataset.schema.names)

    def count(self, where: pc.Expression) -> int:
        """Return how many rows a condition holds for."""
        with clear_errors(f"cannot read {self._url}"):
            return self._dataset.count_rows(filter=where)

    def read(self, columns: Sequence[str], *, where: pc.Expression) -> pa.Table:
        """Return columns of the rows that a condition holds for."""
        with clear_errors(f"cannot read {self._url}"):
            return self._dataset.to_table(columns=list(columns), filter=where)
