"""What a monitoring report reads: a window of production, and what its champion learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.component.platform import Platform
from ml_platform.component.steps.holdout import Judged, load_holdout
from ml_platform.component.steps.live_window import Labeled, latest_window
from ml_platform.component.steps.scored_holdout import PREDICTION, as_logged, scored_holdout
from ml_platform.component.steps.version_classes import classes_of
from ml_platform.data.snapshots import Snapshot
from ml_platform.feedback.inference_table import FEATURE, MOMENT, InferenceTable
from ml_platform.feedback.open_days import OpenDays
from ml_platform.monitoring.report import LiveWindow
from ml_platform.monitoring.traffic import SHADOW
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration

AT_ONCE = 1_000_000
"""Rows up to which all columns are read in one go; of more, one at a time."""

OF_ACTIVITY = ("time", "score", "version", "role", "latency_us", "random")
"""What of a prediction tells how a version is doing."""


@dataclass(frozen=True)
class Window:
    """The predictions of some time."""

    declaration: Declaration
    platform: Platform
    begin: datetime
    end: datetime

    @cached_property
    def _log(self) -> OpenDays:
        log = InferenceTable(self.platform.settings.data_url, self.declaration.spec.name)
        last = self.end - timedelta(microseconds=1)
        return log.opened(first=self.begin.date(), last=last.date())

    @property
    def _within(self) -> pc.Expression:
        time = pc.field("time")
        return (time >= pa.scalar(self.begin, MOMENT)) & (time < pa.scalar(self.end, MOMENT))

    @cached_property
    def before(self) -> "Window":
        """The window before this one, as long."""
        return Window(
            self.declaration, self.platform, self.begin - (self.end - self.begin), self.begin
        )

    @cached_property
    def known(self) -> frozenset[str]:
        """The columns that the log has."""
        return self._log.names

    @cached_property
    def answered(self) -> int:
        """Predictions that went to somebody."""
        return pc.sum(pc.not_equal(self.table("role")["role"], SHADOW)).as_py() or 0

    def table(self, *columns: str) -> pa.Table:
        """Columns of the rows of the window."""
        if self._whole is None:
            return self._log.read(columns, where=self._within)
        return self._whole.select(columns)

    @cached_property
    def _whole(self) -> pa.Table | None:
        """All that is asked of a window, read in one go; None where that would be too much."""
        if self._log.count(self._within) > AT_ONCE:
            return None
        features = sorted(name for name in self.known if name.startswith(FEATURE))
        return self._log.read((*OF_ACTIVITY, *features), where=self._within)

    def feature(self, name: str) -> pd.Series:
        """A column as it was asked, without what only a shadow saw; texts as categories."""
        column = f"{FEATURE}{name}"
        rows = self.table("role", column)
        values = rows.filter(pc.not_equal(rows["role"], SHADOW))[column]
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            values = values.dictionary_encode()
        asked = values.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
        if isinstance(asked.dtype, pd.DatetimeTZDtype):
            asked = asked.dt.tz_localize(None)
        return asked.rename(name)

    def sent(self, names: Sequence[str]) -> list[str]:
        """Those of some columns that the model reads, or that somebody sent a value of.

        A record need not have what the model does not read: its absence says nothing.
        """
        features = self.declaration.spec.features
        read = names if features.transform else features.columns
        return [n for n in names if n in read or bool(self.feature(n).notna().any())]


class Training:
    """What the champion was trained on, read column by column, and what it makes of it."""

    def __init__(self, declaration: Declaration, platform: Platform, version: int) -> None:
        self.declaration = declaration
        self.version = version
        self._platform = platform

    @cached_property
    def _registered(self) -> ModelVersion:
        return self._platform.registry.get(self.declaration.spec.name, self.version)

    @property
    def fingerprint(self) -> str:
        """What tells the version from one of a registry that was lost."""
        return self._registered.tags["fingerprint"]

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

    @property
    def holdout_scores(self) -> pd.Series:
        """What the version scores on its own holdout, as the log holds scores."""
        return self.holdout[PREDICTION]

    @property
    def holdout(self) -> pd.DataFrame:
        """The same beside the outcomes; see `scored_holdout`."""
        return scored_holdout(
            self.declaration, self._platform, self._registered, lambda: self._judged
        )

    def scores_of(self, rows: pd.DataFrame) -> pd.Series:
        """What the version scores on rows, as the log holds scores."""
        return as_logged(self._judged.model.scores(rows))

    def latest_window(self, *, until: datetime, known: LiveWindow | None) -> Labeled:
        """How good who answered was on the latest window that has matured by `until`.

        known: what an earlier report says; it stands where it is about the same.
        """
        declaration, platform = self.declaration, self._platform
        return latest_window(
            declaration,
            platform,
            until=until,
            classes=lambda version: classes_of(declaration, platform, version),
            known=known,
        )
