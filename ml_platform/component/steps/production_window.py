"""What a monitoring report reads: a window of production, and what its champion learned from."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.component.platform import Platform
from ml_platform.component.steps.holdout import Judged, load_holdout
from ml_platform.component.steps.live_window import Labeled, latest_window
from ml_platform.component.steps.reference_scores import (
    ReferenceScores,
    as_logged,
    reference_scores,
)
from ml_platform.data.snapshots import Snapshot
from ml_platform.feedback.inference_table import FEATURE, InferenceTable
from ml_platform.monitoring.report import LiveWindow
from ml_platform.monitoring.traffic import SHADOW
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

AT_ONCE = 1_000_000
"""Rows up to which all columns are read in one go; of more, one at a time."""


@dataclass(frozen=True)
class Window:
    """The predictions of some time."""

    declaration: Declaration
    platform: Platform
    begin: datetime
    end: datetime

    @cached_property
    def _log(self) -> InferenceTable:
        return InferenceTable(self.platform.settings.data_url, self.declaration.spec.name)

    @cached_property
    def before(self) -> "Window":
        """The window before this one, as long."""
        return Window(
            self.declaration, self.platform, self.begin - (self.end - self.begin), self.begin
        )

    @cached_property
    def known(self) -> frozenset[str]:
        """The columns that the log has."""
        return frozenset(self._log.look().schema.names)

    @cached_property
    def answered(self) -> int:
        """Predictions that went to somebody."""
        return self.table("time", "role").num_rows - self._shadows

    @cached_property
    def _shadows(self) -> int:
        return int(pc.sum(pc.equal(self.table("time", "role")["role"], SHADOW)).as_py() or 0)

    def table(self, *columns: str) -> pa.Table:
        """The rows of the window; `time` has to be among the columns."""
        last = (self.end - timedelta(microseconds=1)).date()
        rows = self._log.read(first=self.begin.date(), last=last, columns=list(columns))
        within = pc.and_(
            pc.greater_equal(rows["time"], pa.scalar(self.begin, rows["time"].type)),
            pc.less(rows["time"], pa.scalar(self.end, rows["time"].type)),
        )
        return rows.filter(within)

    def feature(self, name: str) -> pd.Series:
        """A column as it was asked, without what only a shadow saw; texts as categories."""
        column = f"{FEATURE}{name}"
        rows = self._features if self._features is not None else self._asked(column)
        values = rows[column]
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            values = values.dictionary_encode()
        asked = values.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
        if isinstance(asked.dtype, pd.DatetimeTZDtype):
            asked = asked.dt.tz_localize(None)
        return asked.rename(name)

    @cached_property
    def _features(self) -> pa.Table | None:
        if self.table("time").num_rows > AT_ONCE:
            return None
        return self._asked(*(name for name in self.known if name.startswith(FEATURE)))

    def _asked(self, *columns: str) -> pa.Table:
        rows = self.table("time", "role", *columns)
        return rows.filter(pc.not_equal(rows["role"], SHADOW)).select(columns)


class Training:
    """What the champion was trained on, read column by column, and what it makes of it."""

    def __init__(self, declaration: Declaration, platform: Platform, version: int) -> None:
        self.declaration = declaration
        self.version = version
        self._platform = platform

    @cached_property
    def _registered(self) -> ModelVersion:
        return self._platform.registry.get(self.declaration.spec.name, self.version)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The snapshot that the version was trained on."""
        table, _, number = self._registered.tags["training_data"].rpartition("@")
        history = self._platform.snapshots.history(table)
        return next(s for s in history if s.version == int(number))

    def feature(self, name: str) -> pd.Series:
        """A column of the snapshot."""
        if self._few is not None and name in self._few:
            return self._few[name]
        snapshot = self.snapshot
        rows = self._platform.snapshots.read(
            snapshot.table, version=snapshot.version, columns=[name]
        )
        return rows[name]

    @cached_property
    def _judged(self) -> Judged:
        return load_holdout(self.declaration, self._platform, self.snapshot, self.version)

    @cached_property
    def _few(self) -> pd.DataFrame | None:
        return self.rows if self.snapshot.rows <= AT_ONCE else None

    @property
    def rows(self) -> pd.DataFrame:
        """The snapshot."""
        return self._platform.snapshots.read(self.snapshot.table, version=self.snapshot.version)

    @cached_property
    def _reference(self) -> ReferenceScores:
        return reference_scores(
            self.declaration, self._platform, self._registered, lambda: self._judged
        )

    @property
    def holdout_scores(self) -> pd.Series:
        """What the version scores on its own holdout, as the log holds scores."""
        return self._reference.scores

    def scores_of(self, rows: pd.DataFrame) -> pd.Series:
        """What the version scores on rows, as the log holds scores."""
        return as_logged(self._judged.model.scores(rows))

    def latest_window(self, *, until: datetime, known: LiveWindow | None) -> Labeled:
        """How good who answered was on the latest window that has matured by `until`.

        known: what an earlier report says; it stands where it is about the same.
        """
        return latest_window(
            self.declaration, self._platform, until=until, classes=self._classes_of, known=known
        )

    def _classes_of(self, version: int) -> tuple[Any, ...]:
        """The classes of this version, or of another one that answered."""
        if version == self.version:
            return self._reference.classes
        with TemporaryDirectory() as temporary:
            name = self.declaration.spec.name
            model = Model.load(self._platform.registry.download(name, version, Path(temporary)))
        return model.classes
