import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.exceptions import PredictionFailed
from ml_platform.serving.app import create_app
from ml_platform.serving.counters import Counters
from ml_platform.serving.journal.prediction_log import NoJournal
from ml_platform.serving.live.fixed import FixedRelease
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.records import RecordChecker
from ml_platform.serving.replies import Replies
from ml_platform.serving.worker import Worker
from ml_platform.spec.serving import LimitsSpec, ServingSpec
from ml_platform_tests.serving.asgi_client import AsgiClient, started
from ml_platform_tests.serving.test_predictor import COLUMNS, Echo

FIELDS = ["x", "records", "prediction_id", "y"]
ABOUT = {"model": "delays", "model_version": "3"}


def replies_of(model: Echo) -> Replies:
    checker = RecordChecker(COLUMNS, ["x"], limits=LimitsSpec(body_bytes=200, records=4))
    counters = Counters()
    live = FixedRelease(Predictor(model, checker, version="3"), counters)
    return Replies(live, about=lambda: ABOUT, counters=counters, limits=checker.limits)


def worker_of(model: Echo) -> Worker:
    replies = replies_of(model)
    return Worker(
        replies,
        NoJournal(),
        model="delays",
        spec=ServingSpec(limits=replies.limits),
        counters=replies.counters,
        exposed=False,
    )


def client_of(model: Echo) -> AbstractContextManager[AsgiClient]:
    return started(create_app(lambda: worker_of(model)))


@pytest.fixture
def client() -> Iterator[AsgiClient]:
    with client_of(Echo()) as client:
        yield client


def error_of(reply: Any) -> dict[str, Any]:
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json()) == ["error"]
    return reply.json()["error"]


def test_health_names_model_and_version(client: AsgiClient):
    reply = client.get("/health")

    assert reply.status_code == 200
    assert reply.json() == {"status": "ok", "model": "delays", "model_version": "3"}


def test_model_tells_what_is_served(client: AsgiClient):
    assert client.get("/model").json() == ABOUT


def test_predict_answers_one_record(client: AsgiClient):
    reply = client.post("/predict", json={"x": 0.7, "prediction_id": "a"})

    assert reply.status_code == 200
    assert reply.json() == {
        "prediction": "late",
        "probability": 0.7,
        "prediction_id": "a",
        "model_version": "3",
    }


def test_probability_keeps_every_bit(client: AsgiClient):
    x = 0.1 + 0.2
    assert client.post("/predict", json={"x": x}).json()["probability"] == x


def test_batch_answers_a_list(client: AsgiClient):
    reply = client.post("/predict-batch", json={"records": [{"x": 0.7}, {"x": 0.2}]})

    assert reply.status_code == 200
    assert [answer["prediction"] for answer in reply.json()["predictions"]] == ["late", "on time"]
    assert reply.json()["model_version"] == "3"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b'{"x": NaN}', b'{"x": Infinity}', b'{"x": 1e999}', b'{"x": 1,}',
     b"\xff\xfe", b'"\xed\xa0\x80"', b"[" * 150],
)  # fmt: skip
def test_body_that_is_not_json_is_refused(client: AsgiClient, body: bytes):
    for route in ("/predict", "/predict-batch"):
        reply = client.post(route, content=body)
        assert reply.status_code == 400
        assert error_of(reply)["reason"] == "not_json"


def test_refusal_names_field_reason_and_what_is_allowed(client: AsgiClient):
    reply = client.post("/predict", json={"x": "much"})

    assert reply.status_code == 400
    assert error_of(reply) == {"field": "x", "reason": "wrong_type", "allowed": "a number"}


def test_refusal_in_a_batch_names_the_index(client: AsgiClient):
    reply = client.post("/predict-batch", json={"records": [{"x": 1}, {"y": 1}]})

    assert reply.status_code == 400
    error = error_of(reply)
    assert (error["index"], error["field"], error["reason"]) == (1, "y", "unknown_field")


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ([], None, "not_an_object"),
        ({}, "records", "missing"),
        ({"records": {}}, "records", "wrong_type"),
        ({"records": None}, "records", "wrong_type"),
        ({"records": [], "more": 1}, "more", "unknown_field"),
        ({"records": [{"x": 1}] * 5}, "records", "too_many"),
    ],
)
def test_bad_batch_is_refused(client: AsgiClient, body: object, field: str | None, reason: str):
    reply = client.post("/predict-batch", json=body)

    assert reply.status_code == 400
    assert (error_of(reply)["field"], error_of(reply)["reason"]) == (field, reason)


def test_body_over_the_limit_is_refused_by_its_header(client: AsgiClient):
    reply = client.post("/predict", content=b" " * 201)

    assert reply.status_code == 413
    assert error_of(reply)["reason"] == "body_too_large"


def test_body_over_the_limit_is_refused_without_a_header(client: AsgiClient):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 50

    reply = client.post("/predict", content=chunks())

    assert reply.status_code == 413


def test_unknown_route_and_method_are_told_the_routes(client: AsgiClient):
    missing = client.get("/predictions")
    method = client.get("/predict")

    assert (missing.status_code, error_of(missing)["reason"]) == (404, "not_found")
    assert (method.status_code, error_of(method)["reason"]) == (405, "method_not_allowed")
    assert "POST /predict" in error_of(method)["allowed"]


def test_model_that_answers_nan_gives_503_and_no_number():
    with client_of(Echo(fault=float("nan"))) as client:
        reply = client.post("/predict", json={"x": 1})

    assert reply.status_code == 503
    assert error_of(reply)["reason"] == "prediction_failed"


def test_model_that_raises_gives_503():
    with client_of(Echo(fault=PredictionFailed("broken"))) as client:
        assert client.post("/predict-batch", json={"records": [{"x": 1}]}).status_code == 503


def test_fault_of_the_service_is_an_error_in_the_usual_shape():
    with client_of(Echo(fault=RuntimeError("bug"))) as client:
        reply = client.post("/predict", json={"x": 1})

    assert reply.status_code == 500
    assert error_of(reply)["reason"] == "internal_error"


@given(
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS), inner),
        max_leaves=8,
    ).map(lambda content: json.dumps(content).encode())
)
def test_any_body_is_answered_or_refused(body: bytes):
    replies = replies_of(Echo())
    for reply in (replies.predict(body), replies.predict_batch(body)):
        assert reply.status in (200, 400)
        assert (reply.status == 400) == ("error" in json.loads(reply.body))


def test_model_is_loaded_when_the_server_starts_not_before():
    loaded: list[bool] = []

    def load() -> Worker:
        loaded.append(True)
        return worker_of(Echo())

    app = create_app(load)
    assert loaded == []
    with started(app):
        assert loaded == [True]
