"""A declared share of keys is marked to be decided at random, whichever version answers them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ml_platform.feedback.exploration import explores
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.serving.live.fixed import FixedRelease
from ml_platform.serving.recorder import Recorder
from ml_platform.serving.replies import Replies
from ml_platform_tests.serving.live.fakes import MODEL, World, loaded

KEYS = [f"k{number}" for number in range(200)]
CHOSEN = partial(explores, percent=20, salt=MODEL)
CANARY = Plan(steps=(Step(stage=Stage.CANARY, percent=50),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def canary(world: World, **declared: Any) -> Replies:
    world.versions = {version: loaded(version, **declared) for version in (1, 2)}
    world.move(Action.PROMOTE_DIRECT, 1)
    world.move(Action.OPEN, 2, CANARY)
    follower = world.follower()
    follower.start()
    return recorded(world, follower)


def recorded(world: World, live: Any) -> Replies:
    recorder = Recorder(lambda: 0.0)
    return Replies(live, about=lambda: {"model": MODEL}, counters=world.counters, recorder=recorder)


def told(replies: Replies) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Answer and journal record by key; half of them come in a batch."""
    records = [{"id": key, "x": 0.75, "kind": None} for key in KEYS]
    found = [replies.predict(json.dumps(record).encode()) for record in records[:100]]
    batch = replies.predict_batch(json.dumps({"records": records[100:]}).encode())
    answers = [json.loads(reply.body) for reply in found] + json.loads(batch.body)["predictions"]
    logged = [json.loads(reply.records[0]) for reply in found] + [*map(json.loads, batch.records)]
    return {record["key"]: (answer, record) for answer, record in zip(answers, logged, strict=True)}


def test_the_chosen_keys_are_marked_in_answer_and_record_of_either_version(world: World):
    found = told(canary(world, explores=CHOSEN))

    marks = {key: (answer["explore"], record["random"]) for key, (answer, record) in found.items()}
    assert marks == {key: (CHOSEN(key), CHOSEN(key)) for key in KEYS}
    explored = {answer["model_version"] for answer, _ in found.values() if answer["explore"]}
    assert explored == {"1", "2"}


def test_a_canary_alone_explores_nothing(world: World):
    found = told(canary(world))

    assert {answer["model_version"] for answer, _ in found.values()} == {"1", "2"}
    assert not any("explore" in answer for answer, _ in found.values())
    assert not any(record["random"] for _, record in found.values())


def test_without_a_key_the_prediction_id_chooses(world: World):
    live = FixedRelease(loaded(1).predictor, world.counters, explores=CHOSEN)
    replies = recorded(world, live)

    for name in KEYS[:20]:
        body = {"prediction_id": name, "id": "any", "x": 0.5, "kind": None}
        assert json.loads(replies.predict(json.dumps(body).encode()).body)["explore"] == CHOSEN(
            name
        )
