"""The reports of a model's windows, kept as JSON among the data."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ml_platform.component.platform import Platform
from ml_platform.data.handles import HandleStore
from ml_platform.monitoring.report import MonitoringReport, stem

FOLDER = "monitoring"


class KeptReports:
    """What the windows of one model were like. Raises StoreError when the store is away."""

    def __init__(self, platform: Platform, model: str) -> None:
        self._store = HandleStore(f"{platform.settings.data_url}/{FOLDER}")
        self._model = model

    def of(self, begin: datetime) -> MonitoringReport | None:
        """The report of the window from `begin`; None where none was made."""
        return self._read(f"{self._model}/{stem(begin)}.json")

    def before(self, begin: datetime) -> Iterator[MonitoringReport]:
        """The reports of earlier windows, the newest first."""
        earlier = [path for path in self._store.list(self._model) if Path(path).stem < stem(begin)]
        found = map(self._read, sorted(earlier, reverse=True))
        return (report for report in found if report is not None)

    def keep(self, report: MonitoringReport) -> None:
        """Write a report, in the place of one that was made of the same window."""
        path = f"{self._model}/{stem(report.begin)}.json"
        self._store.write(path, report.model_dump_json())

    def _read(self, path: str) -> MonitoringReport | None:
        text = self._store.read(path)
        return None if text is None else MonitoringReport.model_validate_json(text)
