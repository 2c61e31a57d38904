"""A look at a service, which is a stand-in of a few lines."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from ml_platform.release.memory import InMemoryReleaseStore
from ml_platform.release.store import ReleaseStore
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.roll_back import Proof, prove
from ml_platform.serving.smoke import Seen, configured_key, look
from ml_platform.testing.releases import promotion
from ml_platform_tests.release.test_process import named_process
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
    return proof_of([worker(f"w{n}", 1, url=each.url) for n, each in enumerate(services)])


def proof_of(
    workers: Sequence[WorkerReport], *, meanwhile: Callable[[ReleaseStore], object] = id
) -> Proof:
    """Of revision 1, whose champion is version 1. meanwhile: happens after each look."""
    store = InMemoryReleaseStore()
    state = store.append(promotion("m", 1, version=1), expected_revision=0)
    for each in workers:
        store.report_worker(each)

    def now() -> datetime:
        meanwhile(store)
        return NOW

    return prove(store, state, example=EXAMPLE, now=now, patience=0.2)


def worker(
    name: str, revision: int, *, seconds_ago: float = 0, url: str = "http://h:1", **more: Any
) -> WorkerReport:
    return WorkerReport(
        model="m",
        worker=name,
        host="h",
        url=url,
        revision=revision,
        versions=(1,),
        seen_at=NOW - timedelta(seconds=seconds_ago),
        **more,
    )


def test_worker_that_fell_silent_at_an_earlier_state_leaves_it_unproven() -> None:
    found = proof_of([worker("w1", 0, seconds_ago=5)])
    assert not found.holds
    assert found.lines()[0].startswith("0 of 0 workers follow")
    [told] = found.lines()[1:]
    assert told.startswith("worker w1 of http://h:1 on h was not seen for 5 s, at revision 0: ")
    assert found.silent == {"w1": told}
    assert "end it there, or bring it back to the release store" in told


def test_worker_of_a_clock_that_is_wrong_is_not_taken_for_gone() -> None:
    found = proof_of([worker("w1", 0, seconds_ago=-300)])
    assert not found.holds
    assert "was last seen 300 s after now, so its clock or this one is wrong" in found.lines()[1]


@pytest.mark.parametrize("off", [-7200.0, -300.0, 300.0, 7200.0])
def test_worker_of_a_clock_that_is_wrong_is_alive_while_it_tells_of_itself(off: float) -> None:
    told = count()

    def tell(store: ReleaseStore) -> None:
        store.report_worker(worker("w1", revision, seconds_ago=off - next(told), url=service.url))

    with running(StandIn()) as service:
        revision = 1
        followed = proof_of([worker("w1", 0, seconds_ago=off)], meanwhile=tell)
        revision = 0
        stuck = proof_of([worker("w1", 0, seconds_ago=off)], meanwhile=tell)
    assert (followed.holds, followed.workers) == (True, {"w1": 1})
    assert (stuck.holds, stuck.behind) == (False, ("w1",))


@pytest.mark.parametrize(
    "over",
    [
        worker("w1", 0, ended=True),
        worker("w1", 0, seconds_ago=5, ended=True),
        worker("w1", 0, seconds_ago=3601),
        worker("w1", 1, seconds_ago=5),
    ],
    ids=["stopped just now", "stopped", "gone for an hour", "followed before it fell silent"],
)
def test_worker_that_cannot_serve_an_earlier_state_leaves_nothing_to_prove(
    over: WorkerReport,
) -> None:
    found = proof_of([over])
    assert found.holds
    assert "no service runs that follows the release" in found.lines()[0]


def test_worker_that_was_killed_on_this_machine_leaves_nothing_to_prove() -> None:
    with named_process() as (process, name):
        assert not proof_of([worker("w1", 0, seconds_ago=5, process=name)]).holds
        process.kill()
        process.wait()
        assert proof_of([worker("w1", 0, process=name)]).holds


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
