"""Waivers of live versions, and which of them somebody has to look at."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, ConfigDict

from ml_platform.evaluation.data_docs import EVALUATION
from ml_platform.gates.result import GateRecord
from ml_platform.monitoring.incidents import Finding
from ml_platform.plugins import Strict
from ml_platform.registry.waiver import Waiver, told_waivers
from ml_platform.release.state import ReleaseState

KIND = "waiver_expiring"
SOON = timedelta(days=1)


class Certified(Strict):
    """What of a version's certificate stands in the data docs, and when it was written there."""

    model_config = ConfigDict(extra="ignore")

    when: AwareDatetime | None = None
    gates: tuple[GateRecord, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def told_waivers(self, *, now: datetime) -> list[tuple[Waiver, str]]:
        """Every waiver with what it says, marked where it is void."""
        return [*told_waivers(self.waivers, self.gates, now=now)]


def certified_of(reports: Path, model: str, version: int) -> Certified | None:
    """A version's certificate as the data docs have it: MLflow takes seconds to open.

    None where they have none, or none that can be read.
    """
    try:
        text = (reports / model / f"v{version}" / EVALUATION).read_text("utf-8")
        return Certified.model_validate_json(text)
    except (OSError, ValueError):
        return None


def expiring(states: Iterable[ReleaseState], reports: Path, *, now: datetime) -> Iterator[Finding]:
    """Yield a finding for each waiver of a champion or candidate that ends within a day, or did.

    The latest waiver of a gate counts: one that was renewed is well.
    """
    for state in states:
        for version in filter(None, (state.champion, state.candidate)):
            latest: dict[str, Waiver] = {}
            certified = certified_of(reports, state.model, version)
            for waiver in certified.waivers if certified else ():
                known = latest.get(waiver.check)
                if known is None or waiver.until > known.until:
                    latest[waiver.check] = waiver
            yield from (
                _finding(state.model, waiver, now=now)
                for waiver in latest.values()
                if waiver.until - now <= SOON
            )


def _finding(model: str, waiver: Waiver, *, now: datetime) -> Finding:
    over = not waiver.holds(now=now)
    when = f"{waiver.until:%Y-%m-%d %H:%M} UTC"
    return Finding(
        model=model,
        kind=KIND,
        subject=f"{waiver.check} of version {waiver.version}",
        ok=False,
        severity="warning",
        text=f"the waiver of {waiver.check} by {waiver.by} {'ended' if over else 'ends'} at "
        f"{when}; it was given because: {waiver.reason}",
        at=now,
        version=waiver.version,
    )
