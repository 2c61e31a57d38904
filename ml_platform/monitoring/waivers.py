"""Waivers of live versions, and which of them somebody has to look at."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from ml_platform.evaluation.data_docs import EVALUATION
from ml_platform.monitoring.incidents import Finding
from ml_platform.registry.waiver import Waiver
from ml_platform.release.state import ReleaseState

KIND = "waiver_expiring"
SOON = timedelta(days=1)


def waivers_of(reports: Path, model: str, version: int) -> list[Waiver]:
    """Those of a version's certificate, from the data docs: MLflow takes seconds to open."""
    try:
        text = (reports / model / f"v{version}" / EVALUATION).read_text("utf-8")
        return [Waiver.model_validate(each) for each in json.loads(text).get("waivers", ())]
    except (OSError, ValueError, AttributeError, ValidationError):
        return []


def expiring(states: Iterable[ReleaseState], reports: Path, *, now: datetime) -> Iterator[Finding]:
    """Yield a finding for each waiver of a champion or candidate that ends within a day, or did.

    The latest waiver of a gate counts: one that was renewed is well.
    """
    for state in states:
        for version in filter(None, (state.champion, state.candidate)):
            latest: dict[str, Waiver] = {}
            for waiver in waivers_of(reports, state.model, version):
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
