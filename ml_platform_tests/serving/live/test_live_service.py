"""The real service over HTTP, following a real release store."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_platform.cli.main import main
from ml_platform.component.platform import Platform
from ml_platform.component.steps import advance as step
from ml_platform.component.steps.advance import Progress, advance
from ml_platform.data.handles import HandleStore
from ml_platform.exceptions import ServiceUnavailable
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition
from ml_platform.release.store import ReleaseStore, SqlReleaseStore
from ml_platform.serving.build import build_bento
from ml_platform.serving.examples import keep_example
from ml_platform.serving.http.keys import new_key
from ml_platform.serving.journal.reader import read_segment
from ml_platform.serving.live_process import LiveServiceProcess
from ml_platform.settings import Settings
from ml_platform.spec.serving import LimitsSpec, ServingSpec
from ml_platform_tests.serving.live.conftest import CONTRACT, HANGS, NAME, RAISES
from ml_platform_tests.waiting import until

pytestmark = pytest.mark.slow

PLAN = Plan(
    steps=(
        Step(stage=Stage.SHADOW, min_predictions=20),
        Step(stage=Stage.CANARY, percent=25, min_predictions=20),
        Step(stage=Stage.RAMP, percent=75, min_predictions=20),
    ),
    max_latency_increase=100.0,  # of a machine that does other things, too
)
"""Seconds that a release may take to move on where other tests want the same cores."""
ALL = Plan(steps=(Step(stage=Stage.CANARY, percent=100, min_predictions=10**9),))


def move(store: ReleaseStore, action: Action, version: int, plan: Plan | None = None) -> int:
    revision = store.revision(NAME)
    transition = Transition(
        model=NAME, revision=revision + 1, action=action, version=version, at=datetime.now(UTC),
        who="test", why="test", plan=plan,
    )  # fmt: skip
    return store.append(transition, expected_revision=revision).entered


def followed(store: ReleaseStore, *, workers: int) -> None:
    def follow() -> bool:
        live = [one for one in store.workers(NAME) if one.live(now=datetime.now(UTC))]
        revisions = {one.revision for one in live}
        return len(live) >= workers and revisions == {store.revision(NAME)}

    until(follow, f"{workers} workers to follow")


def moved_on(settings: Settings) -> int:
    """Look as the sensor `releases` does until the evidence moves the release; its new step."""
    platform = Platform(settings)
    until(lambda: advance(platform, since=Progress(), now=datetime.now(UTC)).moved)
    return platform.releases.state(NAME).entered


class Clients:
    """Ask all the time; what is not answered with 200 is a failure."""

    def __init__(self, service: LiveServiceProcess, *, distance: float) -> None:
        self.versions: Counter[str] = Counter()
        self.keys: dict[int, set[str]] = {}
        self.failures: list[str] = []
        self.ids: list[str] = []
        self.stopped = False
        self._service, self._distance = service, distance

    def ask(self, client: int) -> None:
        connection = http.client.HTTPConnection(self._service.host, self._service.port)
        number = 0
        while not self.stopped:
            number += 1
            key = client * 1000 + number % 300
            record = {"flight_id": key, "carrier": "UA", "distance": self._distance}
            try:
                connection.request("POST", "/predict", json.dumps(record))
                reply = connection.getresponse()
                content = json.loads(reply.read())
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if reply.status != 200:
                self.failures.append(str(content))
                continue
            self.versions[content["model_version"]] += 1
            self.keys.setdefault(key, set()).add(content["model_version"])
            self.ids.append(content["prediction_id"])
        connection.close()


@contextmanager
def asked(service: LiveServiceProcess, *, distance: float = 500.0) -> Iterator[Clients]:
    clients = Clients(service, distance=distance)
    threads = [threading.Thread(target=clients.ask, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        clients.stopped = True
        for thread in threads:
            thread.join()


def journaled(settings: Settings) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for file in (settings.home / "journal" / NAME).rglob("*.*"):
        if file.suffix in (".open", ".seg"):
            for payload in read_segment(file.read_bytes()).records:
                record = json.loads(payload)
                found[record["id"], record["role"]] += 1
    return found


def test_release_goes_its_way_by_its_evidence_under_load_and_no_request_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(step, "mirror", lambda registry, state: None)  # nothing is registered
    store = SqlReleaseStore(settings.release_url)
    move(store, Action.PROMOTE_DIRECT, 1)
    with LiveServiceProcess(NAME, settings, workers=2) as service:
        followed(store, workers=2)
        with asked(service) as clients:
            move(store, Action.OPEN, 2, PLAN)
            followed(store, workers=2)
            canary = moved_on(settings)
            assert set(clients.versions) == {"1"}

            followed(store, workers=2)
            clients.versions.clear()
            clients.keys.clear()
            until(lambda: sum(clients.versions.values()) > 600)
            share = clients.versions["2"] / sum(clients.versions.values())
            split = [seen for seen in clients.keys.values() if len(seen) > 1]

            ramp = moved_on(settings)
            moved_on(settings)
            followed(store, workers=2)
            clients.versions.clear()
            until(lambda: sum(clients.versions.values()) > 20)
            after_promotion = set(clients.versions)

            move(store, Action.ROLLBACK, 1)
            followed(store, workers=2)
            clients.versions.clear()
            until(lambda: sum(clients.versions.values()) > 20)
        told = service.get("/model").body["live"]

    assert clients.failures == []
    assert 0.15 < share < 0.35
    assert split == []
    assert (after_promotion, set(clients.versions)) == ({"2"}, {"1"})
    assert (told["champion"], told["candidate"], told["stage"]) == (1, None, "none")
    history = store.history(NAME)
    assert [each.action.value for each in history[1:]] == [
        "open", "advance", "advance", "promote", "rollback",
    ]  # fmt: skip
    assert [each.evidence["stage"] for each in history[2:5]] == ["shadow", "canary", "ramp"]
    for entered in (canary, ramp):
        assert store.evidence(NAME, entered=entered)[2, "candidate"].answered >= 20
    logged = journaled(settings)
    assert all(logged[one, "champion"] + logged[one, "candidate"] == 1 for one in clients.ids)
    assert {role for _, role in logged} == {"champion", "candidate", "shadow"}


def test_rollback_of_a_service_with_keys_proves_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    store = SqlReleaseStore(settings.release_url)
    file = settings.home / "api_keys"
    monkeypatch.setenv("ML_PLATFORM_HOME", str(settings.home))
    monkeypatch.setenv("ML_PLATFORM_API_KEYS_FILE", str(file))
    monkeypatch.setenv("ML_PLATFORM_API_KEY", new_key(file, "platform"))
    example = {"carrier": "UA", "distance": 500.0}
    keep_example(HandleStore(f"{settings.data_url}/handles"), NAME, 1, example)
    move(store, Action.PROMOTE_DIRECT, 1)
    move(store, Action.PROMOTE_DIRECT, 2)
    with LiveServiceProcess(NAME, settings, workers=2):
        followed(store, workers=2)
        answer = CliRunner().invoke(main, ["rollback", NAME, "--reason", "wrong"])

    assert answer.exit_code == 0, answer.output
    assert "2 of 2 workers follow" in answer.output
    assert "GET /model: version 1, POST /predict: answered by version 1" in answer.output
    assert journaled(settings) == {("rollback-3-1", "champion"): 1}
    assert [each.ended for each in store.workers(NAME)] == [True, True], "stopped, not lost"


def test_raising_candidate_is_cut_out_and_every_request_is_answered(settings: Settings):
    store = SqlReleaseStore(settings.release_url)
    move(store, Action.PROMOTE_DIRECT, 1)
    with LiveServiceProcess(NAME, settings, workers=2) as service:
        followed(store, workers=2)
        with asked(service, distance=2000.0) as clients:
            entered = move(store, Action.OPEN, RAISES, ALL)
            until(lambda: store.state(NAME).candidate is None)
            time.sleep(1.2)

    assert clients.failures == []
    assert set(clients.versions) == {"1"}
    assert store.evidence(NAME, entered=entered)[RAISES, "candidate"].requests <= 20
    last = store.history(NAME)[-1]
    assert (last.action, last.evidence["kind"]) == (Action.CUT_OUT, "raised")
    assert "division by zero" in last.why


def test_candidate_that_never_gives_the_lock_back_is_cut_out_once_two_workers_ended_over_it(
    settings: Settings, live_home: Path
):
    impatient = HANGS + 1
    build_bento(
        model_folder=live_home / "model-1",
        name=NAME,
        version=impatient,
        contract=CONTRACT,
        release={},
        bentos=settings.bentos,
        key="flight_id",
        serving=ServingSpec(limits=LimitsSpec(hang_seconds=2)),
    )
    store = SqlReleaseStore(settings.release_url)
    move(store, Action.PROMOTE_DIRECT, impatient)
    record = {"flight_id": 1, "carrier": "UA", "distance": 2000.0}
    with LiveServiceProcess(NAME, settings, workers=1) as service:
        followed(store, workers=1)
        move(store, Action.OPEN, HANGS, ALL)
        followed(store, workers=1)
        deadline = time.monotonic() + 120
        while store.state(NAME).candidate is not None and time.monotonic() < deadline:
            with suppress(ServiceUnavailable):  # its worker was ended, or has not begun yet
                service.post("/predict", record)
            time.sleep(0.1)
        answer = service.post("/predict", record)

    assert (answer.status, answer.body["model_version"]) == (200, str(impatient))
    last = store.history(NAME)[-1]
    assert (last.action, last.version, last.evidence["kind"]) == (Action.CUT_OUT, HANGS, "hung")
    assert last.evidence["detail"] == "2 workers stood still for 2 s over it, and were ended"


def test_two_services_with_one_postgres_follow_the_same_release(
    settings: Settings, postgres_url: str
):
    settings = settings.model_copy(update={"release_url": postgres_url})
    store = SqlReleaseStore(postgres_url)
    move(store, Action.PROMOTE_DIRECT, 1)
    with ExitStack() as stack:
        services = [stack.enter_context(LiveServiceProcess(NAME, settings)) for _ in range(2)]
        followed(store, workers=2)
        assert services[0].port != services[1].port

        move(store, Action.PROMOTE_DIRECT, 2)
        followed(store, workers=2)

        record = {"flight_id": 1, "carrier": "AA", "distance": 100.0}
        answers = [service.post("/predict", record).body for service in services]
        assert {answer["model_version"] for answer in answers} == {"2"}
        assert {answer["prediction"] for answer in answers} == {answers[0]["prediction"]}
        assert {one.url for one in store.workers(NAME)} == {one.url for one in services}
    store.close()
