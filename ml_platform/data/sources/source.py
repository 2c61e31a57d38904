"""What a data source is."""

from abc import ABC, abstractmethod
from pathlib import Path

import pandas as pd

from ml_platform.plugins import Plugin, Registry


class Source(Plugin, ABC):
    """Somewhere that rows come from."""

    @abstractmethod
    def read(self, *, folder: Path) -> pd.DataFrame:
        """Return all rows; relative paths and functions are looked up in `folder`.

        Raises SourceError, in one clear sentence, when there is nothing to read.
        """

    def fingerprint(self) -> str:
        """What the source says of itself in the lineage: its declaration without secrets."""
        return self.model_dump_json()


SOURCES = Registry("source", Source, package="ml_platform.data.sources")
