"""The report of one window of production."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from ml_platform.drift.column import ColumnDrift
from ml_platform.evaluation.report import Evaluation
from ml_platform.feedback.estimate import PerformanceEstimate
from ml_platform.monitoring.activity import Activity
from ml_platform.monitoring.check import Check
from ml_platform.monitoring.columns import ColumnHealth
from ml_platform.monitoring.traffic import SHADOW, Traffic, VersionTraffic
from ml_platform.plugins import Strict


class VersionQuality(Strict):
    """How good one version was in one role, on its labeled predictions of a window.

    evaluation: None where it is not known; `reason` then says why. fingerprint: hash of what was
    judged and how (hex): the same has the same evaluation.
    """

    version: int
    role: str
    labeled: int
    evaluation: Evaluation | None = None
    reason: str = ""
    fingerprint: str = ""

    @property
    def who(self) -> str:
        """For people: `version 3 as champion`."""
        return f"version {self.version} as {self.role}"


class LiveWindow(Strict):
    """Quality on a window whose labels have matured.

    predictions, labeled: answers to somebody. versions: each version in each role that is judged,
    first who answered most of what is labeled; none where the window is not judged, for `reason`.
    """

    begin: AwareDatetime
    end: AwareDatetime
    predictions: int
    labeled: int
    versions: tuple[VersionQuality, ...] = ()
    reason: str = ""

    @property
    def most(self) -> VersionQuality | None:
        """Who answered most, where how good that was is known; `why_unknown` says why it is not."""
        first = next(iter(self.versions), None)
        return first if first is not None and first.evaluation is not None else None

    @property
    def why_unknown(self) -> str:
        """Why nothing is known of who answered most."""
        return self.versions[0].reason if self.versions else self.reason

    def of(self, version: int | None) -> VersionQuality | None:
        """How good a version was in the role in which most of its answers are labeled."""
        own = (each for each in self.versions if each.version == version and each.role != SHADOW)
        return next(own, None)


class MonitoringReport(Strict):
    """One window of production.

    activity: by version and role. columns: the inputs. scores, confidence: drift of the
    prediction and of how sure it is, against the holdout of the champion's training; the same
    against the window before in scores_before, confidence_before.
    traffic: since the last report that counted it; totals: what the workers had counted by then;
    both None where nobody counted when the window was over.
    quality: the latest matured window, where one became so; estimate: of predictions that no label
    judges yet; not_estimated: why there is none of this task, "" where there may be.
    kpis: figures of the business.
    cost: of the window, and of 1,000 predictions, in the currency of the declared machine hour.
    checks: what was found; none before the report is judged.
    """

    model: str
    begin: AwareDatetime
    end: AwareDatetime
    made: AwareDatetime
    champion: int | None
    activity: tuple[Activity, ...] = ()
    columns: tuple[ColumnHealth, ...] = ()
    scores: ColumnDrift | None = None
    confidence: ColumnDrift | None = None
    scores_before: ColumnDrift | None = None
    confidence_before: ColumnDrift | None = None
    traffic: Traffic | None = None
    totals: Traffic | None = None
    quality: LiveWindow | None = None
    estimate: PerformanceEstimate | None = None
    not_estimated: str = ""
    kpis: dict[str, float | None] = Field(default={})
    cost: float | None = None
    cost_per_1000: float | None = None
    checks: tuple[Check, ...] = ()

    def cost_of(self, part: VersionTraffic) -> float | None:
        """What a version cost in a role: its share in the time of all answers."""
        if self.cost is None or self.traffic is None:
            return None
        return self.cost * self.traffic.time_share(part)

    @property
    def predictions(self) -> int:
        """Answers to somebody; what a shadow scored is not among them."""
        return sum(a.predictions for a in self.activity if a.role != SHADOW)

    def check(self, name: str) -> Check | None:
        """What a check found; None where the report was not judged yet."""
        return next((check for check in self.checks if check.name == name), None)

    @property
    def moved(self) -> dict[str, ColumnDrift]:
        """How far the inputs moved that did, the farthest first; none where too few rows tell."""
        found = self.check("input_drift")
        known = {column.column: column.drift for column in self.columns}
        return {} if found is None else {name: known[name] for name in found.subjects}


def stem(begin: datetime) -> str:
    """The name of the files of a window's report."""
    return f"{begin:%Y-%m-%dT%H%M}"
