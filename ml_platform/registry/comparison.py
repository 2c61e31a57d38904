"""What a version was compared with when it was judged, as its certificate keeps it."""

from collections.abc import Iterator

from ml_platform.evaluation.baseline import Baseline
from ml_platform.gates.result import GateRecord
from ml_platform.plugins import Strict

AGAINST_CHAMPION = "against_champion"
"""Among the details of a verdict on data: the champion that it may rest on; None without one."""


class AcceptedBaseline(Strict):
    """The baseline that was accepted then: of which version, by whom, why, and its digest."""

    version: int
    by: str
    reason: str
    digest: str

    @classmethod
    def of(cls, baseline: Baseline) -> "AcceptedBaseline":
        """Name a baseline."""
        return cls(
            version=baseline.version,
            by=baseline.by,
            reason=baseline.reason,
            digest=baseline.digest,
        )

    def __str__(self) -> str:
        """For people: `version 2, accepted by ann: one input only`."""
        return f"version {self.version}, accepted by {self.by}: {self.reason}"


class Comparison(Strict):
    """The champion, None before the first release, and the accepted baseline, None without one."""

    champion: int | None = None
    baseline: AcceptedBaseline | None = None

    def outdated(self, now: "Comparison", *, version: int) -> Iterator[str]:
        """What of it is no longer what a version would be compared with.

        now: the version in production and the baseline at this time. A version that is champion
        itself replaces nobody, and where there is no champion, there is nobody to be worse than.
        """
        if now.champion not in (None, version, self.champion):
            against = "as the first release"
            if self.champion is not None:
                against = f"against version {self.champion}"
            yield f"it was judged {against}, but the champion is version {now.champion}"
        if self.baseline != now.baseline:
            yield (
                f"it was judged with {_told(self.baseline)}, but baseline.json has "
                f"{_told(now.baseline)}"
            )

    def __str__(self) -> str:
        """For people, in one line."""
        champion = "no champion" if self.champion is None else f"version {self.champion}"
        return champion if self.baseline is None else f"{champion}; {_told(self.baseline)}"


def outdated_on_data(record: GateRecord, champion: int | None, *, version: int) -> str | None:
    """Why a verdict on data that compares speaks no more for a version; None where it does.

    champion: the version in production at this time.
    """
    details = record.result.details
    if AGAINST_CHAMPION not in details:
        return None
    then = Comparison(champion=details[AGAINST_CHAMPION])
    return next(then.outdated(Comparison(champion=champion), version=version), None)


def _told(baseline: AcceptedBaseline | None) -> str:
    return "no baseline" if baseline is None else f"the baseline of {baseline}"
