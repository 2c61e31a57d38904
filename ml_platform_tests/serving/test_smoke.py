"""A look at a service, which is a stand-in of a few lines."""

from datetime import UTC, datetime

import pytest

from ml_platform.release.memory import InMemoryReleaseStore
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.roll_back import Proof, prove
from ml_platform.serving.smoke import Seen, configured_key, look
from ml_platform.testing.releases import promotion
from ml_platform_tests.serving.stand_in import StandIn, running

EXAMPLE = {"amount": 3.5, "name": "ä"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(service: StandIn, *, key: str | None = None) -> Seen:
    with running(service):
        return look(service.url, version=1, example=EXAMPLE, prediction_id="rollback-7-1", key=key)


def test_a_service_that_serves_the_version_is_well() -> None:
    service = StandIn()
    found = seen(service)
    assert (found.version, found.predicted_by, found.problem) == (1, 1, "")
    assert service.records == [EXAMPLE | {"prediction_id": "rollback-7-1"}]


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        (StandIn(live=2), "it says that version 2 is live"),
        (StandIn(predicts=2), "version 2 answered POST /predict"),
        (StandIn(status=500), "POST /predict answered 500"),
        (StandIn(status=400), "POST /predict answered 400"),
        (StandIn(key="k"), "POST /predict asks for an API key (ML_PLATFORM_API_KEY)"),
    ],
)
def test_anything_else_is_a_problem(service: StandIn, problem: str) -> None:
    assert problem in seen(service).problem


def test_a_key_is_shown_where_the_service_asks_for_one() -> None:
    assert seen(StandIn(key="mlp_1"), key="mlp_1").problem == ""
    wrong = seen(StandIn(key="mlp_1"), key="mlp_2").problem
    assert wrong == "POST /predict does not know the API key"


def test_nobody_who_listens_is_a_problem() -> None:
    with running(StandIn()) as service:
        gone = service.url
    found = look(gone, version=1, example=EXAMPLE, prediction_id="a")
    assert "refused" in found.problem


def test_a_version_without_an_example_is_not_proven() -> None:
    with running(StandIn()) as service:
        found = look(service.url, version=1, example=None, prediction_id="a")
    assert (found.version, found.predicted_by) == (1, None)
    assert "no example is kept" in found.problem


def test_the_key_of_the_environment_is_read_without_its_line_end() -> None:
    assert configured_key({"ML_PLATFORM_API_KEY": "mlp_1\n"}) == "mlp_1"
    assert configured_key({"ML_PLATFORM_API_KEY": " "}) is None
    assert configured_key({}) is None


def proof(*services: StandIn) -> Proof:
    """Of a state whose champion is version 1, by one worker of each service."""
    store = InMemoryReleaseStore()
    state = store.append(promotion("m", 1, version=1), expected_revision=0)
    for number, service in enumerate(services):
        store.report_worker(
            WorkerReport(
                model=state.model,
                worker=f"w{number}",
                host="h",
                url=service.url,
                revision=1,
                versions=(1,),
                seen_at=NOW,
            )
        )
    return prove(store, state, example=EXAMPLE, now=lambda: NOW, patience=0.1)


def test_every_service_is_asked_under_an_id_of_its_own() -> None:
    with running(StandIn()) as one, running(StandIn()) as other:
        found = proof(one, other)
    assert found.holds
    assert found.lines()[0].startswith("2 of 2 workers follow")
    for service in (one, other):
        told = f"{service.url}  GET /model: version 1, POST /predict: answered by version 1"
        assert told in found.lines()
    asked = sorted(service.records[0]["prediction_id"] for service in (one, other))
    assert asked == ["rollback-1-1", "rollback-1-2"]


def test_one_service_that_asks_for_a_key_leaves_it_unproven() -> None:
    with running(StandIn()) as one, running(StandIn(key="k")) as other:
        found = proof(one, other)
    assert not found.holds
    assert any("version 1, POST /predict asks for an API key" in line for line in found.lines())
