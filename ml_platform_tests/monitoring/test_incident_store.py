"""What every store of incidents keeps to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.exceptions import StoreError
from ml_platform.monitoring.incident_store import (
    IncidentStore,
    InMemoryIncidentStore,
    SqlIncidentStore,
)
from ml_platform.monitoring.incidents import Incident
from ml_platform_tests.monitoring.findings import HOUR, NOON, finding


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IncidentStore]:
    if request.param == "memory":
        yield InMemoryIncidentStore()
        return
    url = f"sqlite:///{tmp_path}/new/release.db"
    opened = SqlIncidentStore(
        request.getfixturevalue("postgres_url") if request.param == "postgres" else url
    )
    yield opened
    opened.close()


def incident(hours: float = 0, **more: object) -> Incident:
    return Incident.open_for(finding(hours)).model_copy(update=more)


def test_store_keeps_the_contract(store: IncidentStore) -> None:
    first, second = incident(), incident(1, subject="carrier")
    store.put([second, first])
    assert store.unsettled() == [first, second]
    told = first.model_copy(update={"told": NOON, "text": "Müller's Strecke driftet: 北京"})
    store.put([told])
    assert store.unsettled() == [told, second]
    closed = told.model_copy(update={"closed": NOON + HOUR})
    untold = second.model_copy(update={"closed": NOON + HOUR})
    store.put([closed, untold])
    assert store.unsettled() == [closed], "somebody is to hear that it is over"
    over = closed.model_copy(update={"recovery_told": NOON + 2 * HOUR})
    store.put([over])
    assert store.unsettled() == []
    assert store.of("flights") == [untold, over]
    assert store.of("flights", last=1) == [untold]
    assert store.of("another") == []


def test_a_store_that_is_away_is_told_in_words() -> None:
    with pytest.raises(StoreError, match=r"postgresql\+?\w*://u:\*\*\*@127\.0\.0\.1:1/x"):
        SqlIncidentStore("postgresql://u:secret@127.0.0.1:1/x").unsettled()
