"""Rows of a Delta Lake table."""

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from ml_platform.addresses import without_secrets
from ml_platform.data.sources.location import locate, require_rows
from ml_platform.data.sources.source import SOURCES, Source
from ml_platform.exceptions import SourceError


@SOURCES.register
class DeltaSource(Source):
    """A Delta table, local or in an object store.

    path: relative to the folder of the declaration, absolute, or a URL.
    version: the version to read; the newest if not given.
    storage_options: for the object store, beside the usual environment variables.
    """

    type: Literal["delta"] = "delta"
    path: str
    version: int | None = Field(default=None, ge=0)
    storage_options: dict[str, str] = Field(default={}, repr=False)

    def read(self, *, folder: Path) -> pd.DataFrame:
        """Return all rows of the version."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        place = locate(self.path, folder=folder)
        shown = without_secrets(place)
        try:
            table = DeltaTable(place, storage_options=self.storage_options or None)
            if self.version is not None:
                self._require_version(table.version(), shown)
                table.load_as_version(self.version)
            frame = table.to_pyarrow_table().to_pandas()
        except TableNotFoundError as error:
            raise SourceError(f"{shown} is not a Delta table") from error
        except (DeltaError, OSError, ValueError) as error:
            reason = without_secrets(" ".join(str(error).split()))[:300]
            raise SourceError(f"cannot read the Delta table {shown}: {reason}") from error
        return require_rows(frame, what=f"the Delta table {shown}")

    def fingerprint(self) -> str:
        """The declaration without the keys of the object store."""
        shown = self.model_copy(update={"path": without_secrets(self.path)})
        return shown.model_dump_json(exclude={"storage_options"})

    def _require_version(self, newest: int, place: str) -> None:
        if self.version is not None and self.version > newest:
            raise SourceError(
                f"the Delta table {place} has no version {self.version} (newest: {newest})"
            )
