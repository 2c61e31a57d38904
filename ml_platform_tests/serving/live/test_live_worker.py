"""A worker that follows a release, in this process: real Bentos, store and journal, no sockets."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition
from ml_platform.release.store import SqlReleaseStore
from ml_platform.serving.build import build_bento
from ml_platform.serving.counts_shipping import collect
from ml_platform.serving.journal.reader import read_segment
from ml_platform.serving.live_worker import open_live
from ml_platform.serving.worker import Worker
from ml_platform.serving.worker_counts import read_others
from ml_platform.settings import Settings
from ml_platform.spec.serving import JournalSpec, LimitsSpec, ServingSpec
from ml_platform_tests.serving.live.conftest import CONTRACT, NAME

DECLARED = {
    1: ServingSpec(),
    2: ServingSpec(
        journal=JournalSpec(durability="power"),
        limits=LimitsSpec(records=2, body_bytes=500),
        machine_hour_price=3.5,
    ),
}
RECORD = {"flight_id": 1, "carrier": "UA", "distance": 500.0}


@pytest.fixture(scope="module")
def bentos(live_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Bento store whose two versions are declared to be served in different ways."""
    store = tmp_path_factory.mktemp("declared") / "bentos"
    for version, serving in DECLARED.items():
        build_bento(
            model_folder=live_home / f"model-{version}",
            name=NAME,
            version=version,
            contract=CONTRACT,
            release={},
            bentos=store,
            serving=serving,
        )
    return store


@pytest.fixture
def settings(bentos: Path, tmp_path: Path) -> Iterator[Settings]:
    """A home with these Bentos, which a test may damage."""
    found = Settings.from_environment({"ML_PLATFORM_HOME": str(tmp_path)})
    shutil.copytree(bentos, found.bentos)
    interval = sys.getswitchinterval()
    yield found
    sys.setswitchinterval(interval)


def move(store: SqlReleaseStore, action: Action, version: int, plan: Plan | None = None) -> None:
    revision = store.revision(NAME)
    transition = Transition(
        model=NAME, revision=revision + 1, action=action, version=version, at=datetime.now(UTC),
        who="test", why="test", plan=plan,
    )  # fmt: skip
    store.append(transition, expected_revision=revision)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def asked(
    worker: Worker, route: str, content: object, *, request_id: str = ""
) -> dict[str, Any]:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    body = json.dumps(content).encode()
    worker.desk.answer(route, body, request_id, answer.set_result, received=0.0)
    return json.loads((await answer).body)


def test_shadow_is_journaled_under_the_request_that_it_scored_after(settings: Settings):
    store = SqlReleaseStore(settings.release_url)
    move(store, Action.PROMOTE_DIRECT, 1)
    shadow = Plan(steps=(Step(stage=Stage.SHADOW, min_predictions=10**9),))
    move(store, Action.OPEN, 2, shadow)

    async def main() -> None:
        worker = open_live(NAME, settings)
        await worker.start()
        await asked(worker, "/predict", RECORD, request_id="trace-1")
        await until(lambda: worker.journal.counts().records == 2)
        await worker.stop()

    asyncio.run(main())
    [segment] = (settings.home / "journal" / NAME).rglob("*.seg")
    records = [json.loads(payload) for payload in read_segment(segment.read_bytes()).records]
    assert [(record["role"], record["request_id"]) for record in records] == [
        ("champion", "trace-1"), ("shadow", "trace-1"),
    ]  # fmt: skip


def test_worker_serves_each_champion_as_that_is_declared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    store = SqlReleaseStore(settings.release_url)
    move(store, Action.PROMOTE_DIRECT, 1)
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(file), real(file)))

    async def seen(worker: Worker) -> dict[str, Any]:
        before = len(synced)
        answer = await asked(worker, "/predict", RECORD)
        batch = await asked(worker, "/predict-batch", {"records": [RECORD] * 3})
        refused = worker.desk.admit("/predict", key=None, length=501)
        if refused is None:
            worker.desk.leave(large=False)
        api = json.loads(worker.openapi())
        for path, told in (
            ("/model", worker.replies.model()),
            ("/health", worker.replies.health()),
        ):
            schema = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
            jsonschema_rs.validate(schema["schema"], json.loads(told.body))
        schemas = api["components"]["schemas"]
        return {
            "version": answer["model_version"],
            "synced": len(synced) > before,
            "batch": batch.get("error", {}).get("reason"),
            "refused": refused.status if refused else None,
            "most": schemas["Batch"]["properties"]["records"]["maxItems"],
            "journal": json.loads(worker.replies.model().body)["journal"]["durability"],
            "cost": b"cost_per_1000_inferences{" in worker.metrics(),
        }

    async def main() -> list[dict[str, Any]]:
        worker = open_live(NAME, settings)
        await worker.start()
        try:
            found = [await seen(worker)]
            for action, version in ((Action.PROMOTE_DIRECT, 2), (Action.ROLLBACK, 1)):
                move(store, action, version)
                await until(lambda: worker.spec == DECLARED[version])  # noqa: B023 - awaited here
                found.append(await seen(worker))
            return found
        finally:
            await worker.stop()

    first, second, third = asyncio.run(main())
    assert first == third == {
        "version": "1", "synced": False, "batch": None, "refused": None, "most": 1000,
        "journal": "process", "cost": False,
    }  # fmt: skip
    assert second == {
        "version": "2", "synced": True, "batch": "too_many", "refused": 413, "most": 2,
        "journal": "power", "cost": True,
    }  # fmt: skip


@pytest.mark.parametrize("away", [False, True])
def test_counts_are_shipped_when_a_worker_stops_and_a_store_that_is_away_disturbs_nobody(
    settings: Settings, tmp_path: Path, away: bool, caplog: pytest.LogCaptureFixture
):
    move(SqlReleaseStore(settings.release_url), Action.PROMOTE_DIRECT, 1)
    shared = tmp_path / "shared"
    if away:
        shared.write_text("a file where the folder should be")

    async def main() -> None:
        url = f"file://{shared}"
        worker = open_live(NAME, settings.model_copy(update={"journal_url": url}))
        await worker.start()
        for number in range(3):
            answer = await asked(worker, "/predict", RECORD | {"flight_id": number})
            assert answer["model_version"] == "1"
        await worker.stop()

    asyncio.run(main())
    other = tmp_path / "monitoring"
    collect(f"file://{shared}/{NAME}/counts", other)
    here = read_others(settings.kept_counts(NAME), but="")
    assert here.counts["1", "champion"].requests == 3
    assert read_others(other, but="").counts == ({} if away else here.counts)
    told = [each.message for each in caplog.records if "cannot ship to" in each.message]
    assert len(told) == away
