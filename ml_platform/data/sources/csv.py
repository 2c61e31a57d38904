"""Rows of a CSV file."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from ml_platform.addresses import without_secrets
from ml_platform.data.sources.location import locate, reading, require_rows
from ml_platform.data.sources.source import SOURCES, Source


@SOURCES.register
class CsvSource(Source):
    """A CSV file, local or by fsspec URL, compressed or not.

    path: relative to the folder of the declaration, absolute, or a URL.
    options: passed to `pandas.read_csv`, such as `{sep: ";", encoding: latin-1}`.
    """

    type: Literal["csv"] = "csv"
    path: str
    options: dict[str, Any] = Field(default={})

    def read(self, *, folder: Path) -> pd.DataFrame:
        """Return all rows; a column's type is inferred from all of them, not by chunks."""
        file = locate(self.path, folder=folder)
        options = {"low_memory": False, **self.options}
        if options.get("engine") in ("python", "python-fwf", "pyarrow"):
            del options["low_memory"]
        with reading(file):
            frame = pd.read_csv(file, **options)
        return require_rows(frame, what=file)

    def fingerprint(self) -> str:
        """The declaration without the keys of the object store."""
        shown = self.model_copy(update={"path": without_secrets(self.path)})
        return shown.model_dump_json(exclude={"options": {"storage_options"}})
