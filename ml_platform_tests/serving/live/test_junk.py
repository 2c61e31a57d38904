"""A candidate is judged by the records that were drawn, whatever else comes to the service."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_platform.data.contract import ColumnContract
from ml_platform.release.decide import Decision, decide
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.serving.counters import DOOR
from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.reporter import Identity, Reporter
from ml_platform.spec.serving import LimitsSpec
from ml_platform_tests.serving.live.fakes import COLUMNS, MODEL, NOW, FakeModel, World, loaded
from ml_platform_tests.serving.live.test_followed import settled

CANARY = Plan(
    steps=(Step(stage=Stage.CANARY, percent=50, min_predictions=100),),
    max_latency_increase=100.0,  # of a machine that does other things, too
)
MANY = LimitsSpec().records + 1
SINGLE = {
    b"{": "not_json",
    b"[[[[[[]]]]]]": "too_deep",
    b"[]": "not_an_object",
    b'{"prediction_id": 1}': "wrong_type",
    b'{"prediction_id": ""}': "not_allowed",
    b'{"id": []}': "wrong_type",
    json.dumps({"id": "x" * 300}).encode(): "too_long",
}
BATCH = {
    b"{": "not_json",
    b"[]": "not_an_object",
    b"{}": "missing",
    b'{"records": [], "more": 1}': "unknown_field",
    b'{"records": {}}': "wrong_type",
    b'{"records": [1]}': "not_an_object",
    b'{"records": [{"prediction_id": "a"}, {"prediction_id": "a"}]}': "repeated",
    json.dumps({"records": [{}] * MANY}).encode(): "too_many",
}


def in_canary(tmp_path: Path, champion: Any, candidate: Any) -> tuple[World, FollowedRelease]:
    world = World(tmp_path)
    world.versions = {1: champion, 2: candidate}
    world.move(Action.PROMOTE_DIRECT, 1)
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, CANARY)
    return world, settled(follower)


def batch(**changes: Any) -> bytes:
    record = {"x": 0.75, "kind": None} | changes
    return json.dumps({"records": [record | {"id": f"b{n}"} for n in range(200)]}).encode()


def asked(world: World, follower: FollowedRelease, *, records: int = 400, junk: int = 0) -> None:
    """Send records, every tenth with x = 13, and junk."""
    replies = world.replies(follower)
    for number in range(records):
        x = 13.0 if number % 10 == 0 else 0.75
        replies.predict(json.dumps({"id": f"k{number}", "x": x, "kind": None}).encode())
    for _ in range(junk):
        assert replies.predict(b"{").status == 400


def decided(world: World, follower: FollowedRelease) -> Decision:
    """What the sensor makes of the evidence."""
    worker = Identity(name="w1", host="here", url="", process="")
    Reporter(follower, world.counters, worker, now=lambda: NOW).report()
    state = world.store.state(MODEL)
    evidence = {state.entered: world.store.evidence(MODEL, entered=state.entered)}
    return decide(state, state.plan, evidence, now=NOW)


def picky(record: Any) -> float | None:
    return float("nan") if record["x"] == 13 else None


@pytest.mark.parametrize(
    ("route", "junk"), [("predict", SINGLE), ("predict_batch", BATCH)], ids=["single", "batch"]
)
def test_what_is_refused_before_a_version_is_drawn_is_counted_of_none(
    tmp_path: Path, route: str, junk: dict[bytes, str]
):
    world, follower = in_canary(tmp_path, loaded(1), loaded(2))
    answer = getattr(world.replies(follower), route)

    told = [json.loads(answer(body).body)["error"]["reason"] for body in junk]

    assert told == list(junk.values())
    counts = world.counters.snapshot()
    assert counts.pop(DOOR).refusals == {reason: told.count(reason) for reason in told}
    assert {version: found.requests for version, found in counts.items()} == {
        ("1", "champion"): 0,
        ("1", "fallback"): 0,
        ("2", "candidate"): 0,
    }


def test_junk_takes_no_candidate_back_that_fails_no_more_than_the_champion(tmp_path: Path):
    same = [loaded(version, FakeModel(picky)) for version in (1, 2)]
    world, follower = in_canary(tmp_path, *same)

    asked(world, follower, junk=4000)
    decision = decided(world, follower)

    assert decision.action is Action.PROMOTE, decision.reason


def test_junk_hides_no_candidate_that_refuses_good_records(tmp_path: Path):
    strict = COLUMNS | {"x": ColumnContract(dtype="float64", max=1.0)}
    world, follower = in_canary(tmp_path, loaded(1), loaded(2, columns=strict))

    asked(world, follower, junk=4000)
    decision = decided(world, follower)

    assert decision.action is Action.ROLLBACK, decision.reason
    assert "refusals: " in decision.reason


@pytest.mark.parametrize(("x", "status"), [("much", 400), (13, 503)], ids=["refused", "failed"])
def test_batch_that_neither_version_answers_takes_no_candidate_back(
    tmp_path: Path, x: object, status: int
):
    same = [loaded(version, FakeModel(picky)) for version in (1, 2)]
    world, follower = in_canary(tmp_path, *same)

    asked(world, follower)
    assert world.replies(follower).predict_batch(batch(x=x)).status == status
    decision = decided(world, follower)

    assert decision.action is Action.PROMOTE, decision.reason


def test_candidate_is_not_blamed_for_a_batch_that_the_champion_refused(tmp_path: Path):
    strict = COLUMNS | {"kind": ColumnContract(dtype="category")}
    candidate = loaded(2, FakeModel(picky), columns=strict)
    world, follower = in_canary(tmp_path, loaded(1), candidate)
    replies = world.replies(follower)
    content = json.loads(batch(kind="a"))
    for record in content["records"]:
        drawn = follower.lineup.takes(record["id"])
        record["x"] = 13.0 if drawn else "much"
    assert replies.predict_batch(json.dumps(content).encode()).status == 400

    asked(world, follower)

    follower.follow()
    assert world.counters.snapshot()["2", "candidate"].refusals == {"null": 194}
    assert follower.lineup.candidate is not None
