"""Findings for the tests of this folder."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ml_platform.monitoring.incidents import Finding

NOON = datetime(2013, 6, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def finding(hours: float = 0, *, ok: bool = False, **more: Any) -> Finding:
    known = {"model": "flights", "kind": "drift", "subject": "distance", "version": 3}
    text = "distance is as it was" if ok else "distance drifted: PSI 0.41 [0.38, 0.44]"
    at = NOON + hours * HOUR
    return Finding.model_validate({**known, "ok": ok, "text": text, "at": at, **more})
