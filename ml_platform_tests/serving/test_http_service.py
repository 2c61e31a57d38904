"""The service as clients meet it: real workers, a real journal, real sockets."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ml_platform.exceptions import ServiceUnavailable
from ml_platform.serving.http.keys import new_key
from ml_platform.serving.process import ServiceProcess
from ml_platform.serving.worker import FLUSH_SECONDS
from ml_platform_tests.serving.raw_requests import answers, fuzzed
from ml_platform_tests.serving.small_service import small_service
from ml_platform_tests.waiting import until

pytestmark = pytest.mark.slow

Running = tuple[ServiceProcess, dict[str, Any]]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with small_service(workers=2) as found:
        yield found


def metrics(service: ServiceProcess) -> dict[str, float]:
    text = service.get("/metrics").body
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_example_of_the_document_is_answered(running: Running):
    service, _ = running
    api = service.get("/openapi.json").body

    for path in ("/predict", "/predict-batch", "/feedback"):
        posted = api["paths"][path]["post"]
        content = posted["requestBody"]["content"]["application/json"]
        assert service.post(path, content["example"]).status == 200, path
        assert posted["responses"]["200"]["description"] == "Answered, and in the journal."


def seen_by_bentoml(service: ServiceProcess, endpoint: str) -> float:
    return sum(
        value
        for name, value in metrics(service).items()
        if name.startswith("bentoml_service_request_total") and f'"{endpoint}"' in name
    )


def test_hot_routes_pass_by_bentoml_and_give_the_same_bytes(running: Running):
    service, record = running
    record = record | {"prediction_id": "same"}
    before = seen_by_bentoml(service, "/predict")

    answered = [service.post(path, record) for path in ("/predict", "/predict?x=1", "/predict")]

    assert answered == [answered[0]] * 3
    assert answered[0].status == 200
    assert seen_by_bentoml(service, "/predict") == before + 1, "the one with a query"
    assert seen_by_bentoml(service, "/health") > 0


def test_requests_are_in_no_log(running: Running):
    service, record = running
    for path in ("/predict", "/predict?x=1"):
        assert service.post(path, record).status == 200
    for path in ("/model", "/health", "/openapi.json", "/docs"):
        assert service.get(path).status == 200

    log = service.log_tail()
    assert log, "what a service says when it starts"
    assert "path=" not in log, "as BentoML logs a request"
    assert "HTTP/1.1" not in log, "as uvicorn does"


def test_every_worker_tells_what_all_counted(running: Running):
    service, record = running
    time.sleep(2 * FLUSH_SECONDS)  # what the tests before counted is told by all workers
    before = metrics(service)
    for _ in range(30):
        assert service.post("/predict", record).status == 200
    service.post("/predict", record | {"distance": 1})
    name = 'ml_platform_requests_total{model="flights",role="champion",version="1"}'
    wanted = before.get(name, 0) + 31

    def told() -> set[float | None]:
        return {metrics(service).get(name) for _ in range(10)}  # by one worker and the other

    until(lambda: told() == {wanted}, "all workers to tell of all requests", pause=0.1)
    assert metrics(service)['ml_platform_journal_records_total{model="flights"}'] >= 30


def test_page_and_probes_answer(running: Running):
    service, _ = running
    paths = ("/livez", "/readyz", "/health", "/model", "/docs", "/metrics", "/openapi.json", "/")
    assert {path: service.get(path).status for path in paths} == dict.fromkeys(paths, 200)


def test_what_has_no_route_is_refused_like_all_else_whoever_routes_it(running: Running):
    service, record = running
    asked = {
        "not_found": [service.get("/nothing"), service.post("/predict/more", record)],
        "method_not_allowed": [service.get("/predict"), service.post("/livez", record)],
    }
    for reason, found in asked.items():
        errors = [answer.body["error"] for answer in found]
        assert [error["reason"] for error in errors] == [reason] * 2
        assert errors[0] == errors[1]
        assert "POST /predict" in errors[0]["allowed"]
    time.sleep(2 * FLUSH_SECONDS)  # until every worker tells what the other counted
    counted = {
        reason: metrics(service)[
            f'ml_platform_refusals_total{{model="flights",reason="{reason}",role="door",version=""}}'
        ]
        for reason in asked
    }
    assert counted == {"not_found": 2, "method_not_allowed": 2}


def test_nothing_that_the_document_allows_is_a_fault(running: Running):
    service, _ = running
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    asked: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        asked.append(operation.path)

        @settings(
            max_examples=40,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def conforms(case: Any) -> None:
            case.call_and_validate(checks=checks, base_url=service.url)

        conforms()
    assert {"/predict", "/predict-batch", "/feedback", "/model", "/health"} <= set(asked)


def test_fuzzed_requests_get_no_5xx(running: Running):
    service, record = running
    statuses, failed = fuzzed((service.host, service.port), record, count=600, seed=11)

    assert failed == []
    assert statuses[200] > 10
    assert statuses[400] > 50
    assert service.get("/health").status == 200


def test_worker_does_not_grow_under_load(running: Running):
    service, _ = running
    body = b'{"carrier":"UA","distance":1400,"delay":null,"freight":false}'
    request = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body), body,
    )  # fmt: skip

    def load(rounds: int) -> None:
        with socket.create_connection((service.host, service.port), timeout=10) as connection:
            for _ in range(rounds):
                connection.sendall(request * 20)
                answered = b""
                while answered.count(b"HTTP/1.1 200") < 20 or not answered.endswith(b"}"):
                    answered += connection.recv(1 << 20)

    def resident() -> int:
        tree = psutil.Process(service.pid).children(recursive=True)
        return sum(process.memory_info().rss for process in tree)

    load(200)
    before = resident()
    load(600)

    assert resident() - before < 8e6, "12,000 requests of 1 KB each would be 12 MB"


def test_keys_close_posts_and_are_in_no_log(tmp_path: Path):
    file = tmp_path / "keys"
    key = new_key(file, "shop")
    with small_service(ML_PLATFORM_API_KEYS_FILE=str(file)) as (service, record):
        assert service.post("/predict", record).status == 401
        assert service.post("/predict?x=1", record).status == 401
        assert service.get("/health").status == 200
        body = b'{"carrier":"UA","distance":1400,"delay":null,"freight":false}'
        head = b"POST /predict HTTP/1.1\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n"
        sent = head % (key.encode(), len(body)) + body
        assert answers((service.host, service.port), sent) == [200]

        revoked = new_key(file, "second")
        file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
        time.sleep(1.2)

        assert answers((service.host, service.port), sent) == [401]
        kept = sent.replace(key.encode(), revoked.encode())
        assert answers((service.host, service.port), kept) == [200]
        assert key not in service.log_tail()


def test_model_that_is_not_the_certified_one_is_not_served():
    wrong = contextlib.ExitStack()
    with (
        wrong,
        pytest.raises(ServiceUnavailable, match="not the one that its certificate is about"),
    ):
        wrong.enter_context(small_service(model_hash="0" * 64))


@pytest.fixture(scope="module")
def reached() -> Iterator[Running]:
    """One without the protocol, that listens beyond loopback and has no keys."""
    with small_service(host="0.0.0.0", ML_PLATFORM_HOT_ROUTES="off") as found:
        yield found


def test_without_the_protocol_the_mounted_routes_answer(reached: Running):
    service, record = reached
    assert service.post("/predict", record).status == 200
    assert seen_by_bentoml(service, "/predict") == 1


def test_service_beyond_loopback_takes_no_feedback_without_keys(running: Running, reached: Running):
    label = {"prediction_id": "a", "label": 1}
    answers_of = [service.post("/feedback", label) for service, _ in (running, reached)]

    assert [answer.status for answer in answers_of] == [200, 403]
    assert answers_of[1].body["error"]["reason"] == "keys_required"
