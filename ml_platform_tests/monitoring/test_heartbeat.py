"""A daemon that is dead is told apart from one that lives, and from one that never ran here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.monitoring.heartbeat import FILE, beat, last_beat

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_a_sign_holds_for_five_minutes(tmp_path: Path) -> None:
    beat(tmp_path, now=NOON)
    found = last_beat(tmp_path)
    assert found.silent_since(now=NOON + timedelta(minutes=5)) is None
    assert found.silent_since(now=NOON + timedelta(minutes=6)) == NOON
    assert found.told(now=NOON + timedelta(minutes=1)) == "running"
    assert found.told(now=NOON + timedelta(hours=1)) == "dead since 2026-01-02 12:00:00 UTC"


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", '{"at": 3}', '{"at": "soon"}'])
def test_no_sign_is_no_death(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert last_beat(tmp_path).silent_since(now=NOON) is None
    assert last_beat(tmp_path).told(now=NOON) == "never ran here"
