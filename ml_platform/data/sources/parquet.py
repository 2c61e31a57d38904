"""Rows of a Parquet file or folder."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from ml_platform.addresses import without_secrets
from ml_platform.data.sources.location import locate, reading, require_rows
from ml_platform.data.sources.source import SOURCES, Source


@SOURCES.register
class ParquetSource(Source):
    """A Parquet file or a folder of them, local or by fsspec URL.

    path: relative to the folder of the declaration, absolute, or a URL.
    options: passed to `pandas.read_parquet`, such as `{columns: [a, b]}`.
    """

    type: Literal["parquet"] = "parquet"
    path: str
    options: dict[str, Any] = Field(default={})

    def read(self, *, folder: Path) -> pd.DataFrame:
        """Return all rows, without the index that pandas may have stored."""
        file = locate(self.path, folder=folder)
        with reading(file):
            frame = pd.read_parquet(file, **self.options)
        named = [name for name in frame.index.names if name is not None]
        return require_rows(frame.reset_index(drop=not named), what=file)

    def fingerprint(self) -> str:
        """The declaration without the keys of the object store."""
        shown = self.model_copy(update={"path": without_secrets(self.path)})
        return shown.model_dump_json(exclude={"options": {"storage_options"}})
