import json
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import ModelError, NothingReleased, ServiceUnavailable
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.shadow import CAPACITY
from ml_platform_tests.serving.live.fakes import COLUMNS, MODEL, FakeModel, World, loaded
from ml_platform_tests.waiting import until

CANARY = Plan(steps=(Step(stage=Stage.CANARY, percent=50), Step(stage=Stage.RAMP, percent=100)))
SHADOW = Plan(steps=(Step(stage=Stage.SHADOW), Step(stage=Stage.CANARY, percent=50)))
ALL = Plan(steps=(Step(stage=Stage.CANARY, percent=100),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.versions = {version: loaded(version) for version in (1, 2, 3)}
    world.move(Action.PROMOTE_DIRECT, 1)
    return world


def settled(follower: FollowedRelease) -> FollowedRelease:
    """Follow until what the store says is in effect; versions load in threads."""

    def follows() -> bool:
        follower.follow()
        return follower.revision == follower.known.state.revision

    until(follows, "the release to be in effect")
    return follower


def ask(world: World, follower: FollowedRelease, key: str, **changes: Any) -> dict[str, Any]:
    record = {"id": key, "x": 0.75, "kind": None} | changes
    body = json.dumps(record).encode()
    reply = world.replies(follower).predict(body, request_id="trace of it")
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def versions(world: World, follower: FollowedRelease, keys: int = 200) -> Counter[str]:
    return Counter(ask(world, follower, f"k{key}")["model_version"] for key in range(keys))


def test_promotion_changes_who_answers(world: World):
    follower = world.follower()
    follower.start()
    assert versions(world, follower, 3) == {"1": 3}

    world.move(Action.PROMOTE_DIRECT, 2)
    settled(follower)

    assert versions(world, follower, 3) == {"2": 3}
    assert json.loads(world.replies(follower).health().body) == {
        "status": "ok",
        "model": MODEL,
        "model_version": "2",
        "revision": 2,
    }


def test_canary_answers_its_share_and_always_the_same_keys(world: World):
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, CANARY)
    settled(follower)

    first = {key: ask(world, follower, key)["model_version"] for key in map(str, range(400))}
    again = {key: ask(world, follower, key)["model_version"] for key in first}

    assert first == again
    assert 150 < Counter(first.values())["2"] < 250
    told = json.loads(world.replies(follower).model().body)["live"]
    assert (told["champion"], told["candidate"], told["stage"], told["percent"]) == (
        1, 2, "canary", 50.0,
    )  # fmt: skip


def test_rollback_needs_no_loading(world: World):
    follower = world.follower()
    follower.start()
    world.move(Action.PROMOTE_DIRECT, 2)
    settled(follower)
    world.versions = {}

    world.move(Action.ROLLBACK, 1)
    follower.follow()

    assert versions(world, follower, 1) == {"1": 1}


def test_replaced_champion_is_let_go_after_its_time(world: World):
    follower = world.follower()
    follower.start()
    world.move(Action.PROMOTE_DIRECT, 2)
    world.move(Action.PROMOTE_DIRECT, 3)
    settled(follower)
    assert 1 in follower.shelf.versions

    world.time.seconds += 3601
    follower.follow()

    assert follower.shelf.versions == (2, 3)  # the last one before stays by the release's time


def pass_time(world: World, seconds: float) -> None:
    world.time.seconds += seconds
    world.now += timedelta(seconds=seconds)


def test_champion_before_is_kept_warm_for_the_declared_time_and_let_go_later(world: World):
    follower = world.follower()
    follower.start()
    world.move(Action.PROMOTE_DIRECT, 2)
    settled(follower)

    pass_time(world, 3599)
    follower.follow()
    assert follower.shelf.versions == (1, 2)

    pass_time(world, 2)
    follower.follow()
    pass_time(world, 3601)
    follower.follow()
    assert follower.shelf.versions == (2,)


def test_restarted_service_loads_the_champion_before_while_it_is_to_be_warm(world: World):
    world.move(Action.PROMOTE_DIRECT, 2)
    early = world.follower()
    early.start()
    until(lambda: early.shelf.versions == (1, 2))

    world.now += timedelta(seconds=3601)
    late = world.follower()
    late.start()
    assert late.shelf.versions == (2,)
    assert late.shelf.get(1) is None, "it was not even asked for"


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda record: 1 / 0, "raised"),
        (lambda record: float("nan"), "not_finite"),
        (lambda record: float("inf"), "not_finite"),
        (lambda record: time.sleep(0.06), "timeout"),
    ],
)
def test_failing_candidate_is_out_within_ten_requests_and_every_request_is_answered(
    world: World, act: Any, kind: str
):
    world.versions[2] = loaded(2, FakeModel(act))
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, ALL)
    settled(follower)

    assert versions(world, follower, 10) == {"1": 10}
    follower.follow()
    follower.follow()

    state = world.store.state(MODEL)
    assert state.candidate is None
    assert state.taken_out == (2,)
    last = world.store.history(MODEL)[-1]
    assert (last.action, last.evidence["kind"]) == (Action.CUT_OUT, kind)
    counts = world.counters.snapshot()
    assert counts["2", "candidate"].errors[kind] <= 3
    assert counts["1", "fallback"].answered == 10


def test_hanging_transform_costs_a_request_its_time_once(world: World):
    go_on = threading.Event()
    begun: list[float] = []

    def hang(record: Any) -> float | None:
        begun.append(record["x"])
        go_on.wait(30)
        return None

    world.versions[2] = loaded(2, FakeModel(hang), has_code=True)
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, ALL)
    settled(follower)

    assert versions(world, follower, 10) == {"1": 10}

    assert len(begun) == 1, "the first call still hangs, and none after it was waited for"
    go_on.set()
    follower.follow()
    assert world.store.state(MODEL).candidate is None


def test_record_that_neither_version_can_score_is_not_held_against_the_candidate(world: World):
    def picky(record: Any) -> float | None:
        return float("nan") if record["x"] == 13 else None

    world.versions |= {1: loaded(1, FakeModel(picky)), 2: loaded(2, FakeModel(picky))}
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, ALL)
    settled(follower)

    reply = world.replies(follower).predict(b'{"id": "a", "x": 13, "kind": null}')

    assert reply.status == 503
    assert ask(world, follower, "a")["model_version"] == "2"


def test_record_that_only_the_candidate_refuses_is_answered_by_the_champion(world: World):
    strict = COLUMNS | {"x": ColumnContract(dtype="float64", max=0.5)}
    world.versions[2] = loaded(2, columns=strict)
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, ALL)
    settled(follower)

    assert ask(world, follower, "a", x=0.75)["model_version"] == "1"
    assert ask(world, follower, "a", x=0.25)["model_version"] == "2"
    assert world.counters.snapshot()["2", "candidate"].refusals == {"out_of_range": 1}
    assert world.store.state(MODEL).candidate == 2


def test_batch_is_split_by_key_and_answered_in_order_whatever_the_candidate_does(world: World):
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, CANARY)
    settled(follower)
    single = [ask(world, follower, f"k{key}")["model_version"] for key in range(40)]
    records = [{"id": f"k{key}", "x": key / 50, "kind": None} for key in range(40)]
    body = json.dumps({"records": records}).encode()

    answers = json.loads(world.replies(follower).predict_batch(body).body)["predictions"]

    assert [answer["model_version"] for answer in answers] == single
    assert [answer["probability"] for answer in answers] == [key / 50 for key in range(40)]

    world.versions[2].predictor.model.act = lambda record: 1 / 0  # type: ignore[union-attr]
    answers = json.loads(world.replies(follower).predict_batch(body).body)["predictions"]

    assert {answer["model_version"] for answer in answers} == {"1"}
    assert [answer["probability"] for answer in answers] == [key / 50 for key in range(40)]


def test_candidate_that_cannot_be_loaded_is_cut_out_with_the_reason(world: World):
    world.versions[2] = ModelError("encoder.json was changed after training")
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, CANARY)

    settled(follower)

    last = world.store.history(MODEL)[-1]
    assert last.action is Action.CUT_OUT
    assert "encoder.json was changed" in last.why
    assert versions(world, follower, 3) == {"1": 3}


def test_cut_out_is_told_when_the_store_is_back(world: World):
    world.versions[2] = loaded(2, FakeModel(lambda record: 1 / 0))
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, ALL)
    settled(follower)

    world.store.away = True
    assert versions(world, follower, 5) == {"1": 5}
    follower.follow()
    follower.follow()
    world.store.away = False
    assert world.store.state(MODEL).candidate == 2

    follower.follow()
    assert world.store.state(MODEL).candidate is None


def test_candidate_that_leaks_is_cut_out(world: World):
    follower = world.follower()
    follower.start()
    world.resident = 300 * 2**20
    world.move(Action.OPEN, 2, ALL)
    settled(follower)
    world.resident += 500 * 2**20
    follower.follow()
    assert world.store.state(MODEL).candidate == 2

    world.resident += 20 * 2**20
    follower.follow()

    assert world.store.history(MODEL)[-1].evidence["kind"] == "memory"
    assert versions(world, follower, 3) == {"1": 3}


def test_version_that_is_released_again_gets_another_trial(world: World):
    world.versions[2] = loaded(2, FakeModel(lambda record: 1 / 0))
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, ALL)
    settled(follower)
    versions(world, follower, 2)
    follower.follow()
    follower.follow()
    follower.shelf.get(2).predictor.model.act = lambda record: None  # type: ignore[union-attr]

    world.move(Action.OPEN, 2, ALL)
    settled(follower)

    assert versions(world, follower, 3) == {"2": 3}


def test_shadow_scores_what_the_champion_answers_and_nobody_sees_it(world: World):
    seen: list[tuple[str, str, str]] = []
    world.emit = lambda one, label, us, request_id: seen.append(
        (one.prediction_id, one.served.version, request_id)
    )
    world.versions[2] = loaded(2, FakeModel(shift=-0.5))
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, SHADOW)
    settled(follower)

    answers = [ask(world, follower, f"k{key}", kind="b") for key in range(20)]
    until(lambda: len(seen) == 20)
    follower.close()

    assert {answer["model_version"] for answer in answers} == {"1"}
    assert seen == [(answer["prediction_id"], "2", "trace of it") for answer in answers]
    counts = world.counters.snapshot()["2", "shadow"]
    assert (counts.shadow.pairs, counts.shadow.agree) == (20, 0)
    assert counts.shadow.difference.mean == pytest.approx(-0.5)
    assert counts.slices["kind=b"].pairs == 20


def test_shadow_that_cannot_keep_up_drops_and_counts(world: World):
    go_on = threading.Event()
    world.versions[2] = loaded(2, FakeModel(lambda record: go_on.wait(30) and None))
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, SHADOW)
    settled(follower)

    asked = CAPACITY + 176
    assert versions(world, follower, asked) == {"1": asked}
    counts = world.counters.snapshot()["2", "shadow"]
    go_on.set()
    follower.close()

    assert counts.requests == 0, "every answer came before the shadow's first"
    assert counts.shadow_dropped in (175, 176)  # all but what waits, and the one under way


def test_evidence_is_counted_for_each_step_by_itself(world: World):
    follower = world.follower()
    follower.start()
    world.move(Action.OPEN, 2, CANARY)
    settled(follower)
    versions(world, follower, 100)
    entered = follower.step

    world.move(Action.ADVANCE, 2)
    settled(follower)
    versions(world, follower, 30)

    steps = world.counters.steps()
    assert (
        steps[entered]["2", "candidate"].requests + steps[entered]["1", "champion"].requests == 100
    )
    assert steps[follower.step]["2", "candidate"].requests == 30
    assert world.counters.snapshot()["2", "candidate"].requests > 30


def test_store_away_changes_nothing_and_health_says_so(world: World):
    follower = world.follower()
    follower.start()
    world.store.away = True
    follower.follow()

    assert versions(world, follower, 2) == {"1": 2}
    reply = world.replies(follower).health()
    assert reply.status == 200
    assert json.loads(reply.body)["status"] == "degraded"
    assert json.loads(reply.body)["trouble"] == ["the store is away"]

    world.store.away = False
    follower.follow()
    assert json.loads(world.replies(follower).health().body)["status"] == "ok"


def test_restart_without_the_store_serves_the_last_known_release(world: World):
    world.move(Action.PROMOTE_DIRECT, 2)
    world.follower().start()
    world.store.away = True

    follower = world.follower()
    follower.start()

    assert versions(world, follower, 2) == {"2": 2}
    assert "trouble" in follower.health()


def test_first_start_without_the_store_is_refused(tmp_path: Path):
    world = World(tmp_path)
    world.store.away = True
    with pytest.raises(ServiceUnavailable, match="no release is remembered"):
        world.follower().start()


def test_model_without_champion_is_not_served(tmp_path: Path):
    with pytest.raises(NothingReleased, match=f"no version of '{MODEL}' is released yet"):
        World(tmp_path).follower().start()


def test_store_that_lost_its_history_is_not_followed(world: World):
    world.move(Action.PROMOTE_DIRECT, 2)
    follower = world.follower()
    follower.start()
    other = World(world.folder)
    other.versions = world.versions
    other.move(Action.PROMOTE_DIRECT, 1)

    follower = other.follower()
    follower.start()

    assert versions(other, follower, 2) == {"2": 2}
    assert "lost its history" in follower.health()["trouble"][0]


def test_champion_that_cannot_be_loaded_leaves_the_one_before_it_in_place(world: World):
    follower = world.follower()
    follower.start()
    world.versions[2] = ModelError("no such Bento")
    world.move(Action.PROMOTE_DIRECT, 2)

    def troubled() -> bool:
        follower.follow()
        return "trouble" in follower.health()

    until(troubled, "the trouble to be told")
    assert versions(world, follower, 2) == {"1": 2}
    assert "no such Bento" in follower.health()["trouble"][0]
    assert follower.revision == 1  # a rollback command must not believe that it took effect

    restarted = world.follower()
    restarted.start()
    assert versions(world, restarted, 2) == {"1": 2}

    world.versions[2] = loaded(2)
    world.time.seconds += 6
    settled(follower)
    assert versions(world, follower, 2) == {"2": 2}
